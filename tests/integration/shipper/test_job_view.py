"""What a running job sees of an image that it has mounted: never an error, never another byte."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imagegw.domain.acl import Acl
from imagegw.domain.status import ImageState
from tests.integration.shipper.mounts import mounted, needs_root
from tests.support.delivering import Site, artifact, squashfs

pytestmark = [pytest.mark.root, needs_root]


class Job:
    """Reads the mounted file over and over, past the page cache of the mount."""

    def __init__(self, file: Path, digest: str) -> None:
        self.file = file
        self.digest = digest
        self.faults: list[str] = []
        self._reads = 0
        self._has_read = threading.Condition()
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                found = self._read()
            except OSError as error:
                self.faults.append(repr(error))
            else:
                if found != self.digest:
                    self.faults.append(f"other bytes: {found}")
            with self._has_read:
                self._reads += 1
                self._has_read.notify_all()

    def _read(self) -> str:
        with self.file.open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            return hashlib.file_digest(file, "sha256").hexdigest()

    def read_twice(self) -> None:
        """Wait until a whole read has begun and ended after now."""
        with self._has_read:
            until = self._reads + 2
            assert self._has_read.wait_for(lambda: self._reads >= until, timeout=60)

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()


def test_a_mounted_image_is_the_same_until_the_removal_delay_is_over(site: Site, tmp_path: Path) -> None:
    content = os.urandom(8 << 20)
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "data").write_bytes(content)
    made = tmp_path / "made.squashfs"
    subprocess.run(["mksquashfs", str(tree), str(made), "-quiet", "-no-progress"], check=True)
    site.make(site.put(made.read_bytes()))
    site.perform()

    with mounted(tmp_path / "job", "-o", "loop,ro", "-t", "squashfs", str(site.file)) as mount:
        job = Job(mount / "data", hashlib.sha256(content).hexdigest())
        with job.running():
            job.read_twice()
            for uid in range(5):  # pulled again with other ACLs
                site.deliver_again(Acl(uids=(uid + 1,)))
                site.perform()
                job.read_twice()
            site.database.artifacts.delete({})  # made anew with other options: other bytes
            site.desk.insert(artifact(site.put(squashfs(b"made otherwise"))))
            os.utime(site.file)
            site.deliver_again(None)
            site.perform()
            job.read_twice()
            site.expire()
            site.perform()
            job.read_twice()
            assert (site.image.state, site.file.exists()) == (ImageState.EXPIRING, True)
            site.want_again()
            site.perform()
            job.read_twice()

    assert job.faults == []
    assert site.image.state is ImageState.READY
