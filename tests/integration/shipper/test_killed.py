"""A shipper that is killed in the middle of a copy, and the one that comes after it."""

from __future__ import annotations

import subprocess
import sys

from imagegw.pipeline.performing import Result
from tests.support.delivering import NAMES, Site
from tests.support.scripted_transport import BODY, names_in, ours

_COPY = """
import sys
from pathlib import Path
from imagegw_shipper.source import StoredFile
from imagegw_shipper.transports.local import LocalTransport
from tests.support.delivering import ref_of

blob, directory, name = sys.argv[1:]

def stop(done, total):
    if done:
        print(done, flush=True)
        sys.stdin.read()

with open(blob, "rb") as file:
    ref = ref_of(Path(blob).read_bytes())
    LocalTransport(Path(directory)).upload(StoredFile(file, ref), name, stop)
"""


def test_the_next_delivery_finishes_what_a_killed_one_began(site: Site) -> None:
    made = site.put(BODY)
    site.make(made)
    dead = site.claim()
    name = NAMES.temporary(dead.claim)
    command = [sys.executable, "-c", _COPY, str(site.store.path(made.digest)), str(site.image_dir), name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as copying:
        assert copying.stdout is not None
        assert copying.stdout.readline().strip()
        copying.kill()
    assert names_in(site) == {name}
    site.free_claim()

    assert site.perform().result is Result.DONE
    assert names_in(site) == ours()
    assert site.file.read_bytes() == BODY
