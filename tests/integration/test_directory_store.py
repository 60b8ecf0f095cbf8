"""What is particular to the store on a file system."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imagegw.errors import BlobCorrupt, BlobMissing, StoreFailed, StoreFull
from imagegw.store.directory import DirectoryStore
from imagegw.store.failures import translated

pytestmark = pytest.mark.integration

BODY = b"squashed" * 5000
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()
DAYS_AGO_S = 1_000_000_000.0

WRITER = """
import sys, pathlib
from imagegw.store.directory import DirectoryStore
store = DirectoryStore(pathlib.Path(sys.argv[1]))
with store.resume(sys.argv[2], int(sys.argv[3]), claim="killed") as upload:
    upload.write(sys.stdin.buffer.read(10000))
    print("written", flush=True)
    sys.stdin.buffer.read()
"""


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


def test_it_is_an_oci_image_layout_that_only_the_gateway_reads(store: DirectoryStore, tmp_path: Path) -> None:
    store.put(DIGEST, len(BODY), iter([BODY]))
    blob = tmp_path / "store/blobs/sha256" / DIGEST.partition(":")[2]

    assert json.loads((tmp_path / "store/oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert blob.read_bytes() == BODY
    assert blob.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "store/index.json").exists()


def test_asking_for_a_blob_renews_its_time(store: DirectoryStore) -> None:
    store.put(DIGEST, len(BODY), iter([BODY]))
    os.utime(store.path(DIGEST), (DAYS_AGO_S, DAYS_AGO_S))
    (aged,) = store.blobs()
    store.has(DIGEST)
    (fresh,) = store.blobs()

    assert aged.unused_s > 1_000_000
    assert fresh.unused_s < 60


def test_a_finished_file_becomes_a_blob_without_being_copied(store: DirectoryStore) -> None:
    made = store.staging / "made.squashfs"
    made.write_bytes(BODY)
    inode = made.stat().st_ino
    store.adopt(made, DIGEST, len(BODY))

    assert store.path(DIGEST).stat().st_ino == inode
    assert not made.exists()


@pytest.mark.parametrize("wrong", [BODY[:-1], b"X" + BODY[1:]])
def test_a_wrong_file_is_not_adopted_and_stays(store: DirectoryStore, wrong: bytes) -> None:
    made = store.staging / "made.squashfs"
    made.write_bytes(wrong)
    with pytest.raises(BlobCorrupt):
        store.adopt(made, DIGEST, len(BODY))

    assert made.read_bytes() == wrong
    assert not store.has(DIGEST)


def test_a_store_that_was_emptied_from_outside_goes_on(store: DirectoryStore, tmp_path: Path) -> None:
    store.put(DIGEST, len(BODY), iter([BODY]))
    for path in sorted((tmp_path / "store").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with pytest.raises(BlobMissing):
        store.open(DIGEST)
    store.put(DIGEST, len(BODY), iter([BODY]))

    assert store.has(DIGEST)


def test_a_killed_writers_bytes_are_gone_on_with(store: DirectoryStore, tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "store"), DIGEST, str(len(BODY))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdin is not None
    assert writer.stdout is not None
    with writer:
        writer.stdin.write(BODY[:10_000])
        writer.stdin.flush()
        writer.stdout.readline()
        with store.resume(DIGEST, len(BODY), claim="early") as upload:
            while_living = upload.offset
        writer.send_signal(signal.SIGKILL)
    with store.resume(DIGEST, len(BODY), claim="heir") as upload:
        after_death = upload.offset
        upload.write(BODY[upload.offset :])
        upload.commit()

    assert (while_living, after_death) == (0, 10_000)
    assert store.has(DIGEST)
    assert list(store.staging.iterdir()) == []


def test_a_full_disk_is_told_apart() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(StoreFull), translated("write"):
        full.write(BODY)


def test_a_directory_that_cannot_be_used_is_a_failure_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(StoreFailed):
        DirectoryStore(tmp_path / "file").put(DIGEST, len(BODY), iter([BODY]))
