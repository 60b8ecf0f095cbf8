"""Deliveries into a real directory, with the real desk and pipeline: what stands there afterwards."""

from __future__ import annotations

import os

import pytest

from imagegw.domain.acl import Acl
from imagegw.domain.records import Artifact
from imagegw.domain.status import ArtifactState, ImageState
from imagegw.errors import DeliveryWrong, PlatformRefused, StepAborted, StoreFailed
from imagegw.pipeline.performing import Result
from imagegw_shipper.transports.local import LocalTransport
from tests.support.delivering import NAMES, Site, artifact, ref_of, squashfs
from tests.support.scripted_transport import BODY, OTHER, SLEEPER, Scripted, names_in, ours


def test_both_files_stand_with_mode_0600_whatever_the_umask(site: Site) -> None:
    site.make(site.put(BODY))
    before = os.umask(0o777)
    try:
        performed = site.perform()
    finally:
        os.umask(before)

    assert performed.result is Result.DONE
    assert site.file.read_bytes() == BODY
    assert [site.file.stat().st_mode & 0o777, site.meta.stat().st_mode & 0o777] == [0o600, 0o600]
    assert names_in(site) == ours()


def test_the_database_says_what_stands_there(site: Site) -> None:
    made = site.put(BODY)
    site.make(made, acl_wanted=Acl(uids=(7,)))
    site.perform()

    image = site.image
    standing = site.file.stat()
    assert (image.state, image.pin, image.acl) == (ImageState.READY, made, Acl(uids=(7,)))
    assert image.file is not None
    assert (image.file.size_bytes, image.file.mtime_s) == (standing.st_size, standing.st_mtime)


def test_meta_comes_after_the_file_and_already_has_the_acl(site: Site) -> None:
    stood: list[bool] = []
    site.transport = Scripted(site.image_dir, replace=lambda: stood.append(site.file.exists()))
    site.make(site.put(BODY), acl_wanted=Acl(uids=(7,), gids=(9,)))
    site.perform()

    assert stood == [True]
    assert site.meta.read_text() == (
        "FORMAT: squashfs\nUSERACL: 7\nGROUPACL: 9\nENTRY: ['/bin/app']\nWORKDIR: /srv\nENV: PATH=/bin\n"
    )


def test_the_platforms_file_shares_no_inode_with_the_store(site: Site) -> None:
    made = site.put(BODY)
    site.make(made)
    site.perform()
    site.file.chmod(0o644)

    assert site.store.path(made.digest).stat().st_mode & 0o777 == 0o600
    assert site.file.stat().st_nlink == 1


def test_the_digest_is_pinned_before_the_first_byte(site: Site) -> None:
    made = site.put(BODY)
    site.make(made)
    pinned: list[object] = []

    def look(done: int) -> None:
        if not pinned:
            pinned.extend([site.image.pin, site.file.exists(), done])

    site.perform(lambda done, _: look(done))

    assert pinned == [made, False, 0]


def test_another_acl_alone_reads_and_touches_no_file(site: Site) -> None:
    site.make(site.put(BODY))
    site.perform()
    before = site.file.stat()
    transport = Scripted(site.image_dir)
    site.transport = transport
    site.deliver_again(Acl(uids=(7,)))
    site.perform()

    assert transport.read_names == []
    assert site.file.stat().st_ctime_ns == before.st_ctime_ns
    assert "USERACL: 7" in site.meta.read_text()
    assert (site.image.acl, site.image.acl_version) == (Acl(uids=(7,)), 2)


def test_another_acl_needs_no_artifact(site: Site) -> None:
    site.make(site.put(BODY))
    site.perform()
    site.database.artifacts.delete({})
    site.deliver_again(Acl(uids=(7,)))

    assert site.perform().result is Result.DONE
    assert "ENTRY: ['/bin/app']" in site.meta.read_text()


def test_an_artifact_that_knows_no_configuration_yet_does_not_empty_the_meta(site: Site) -> None:
    made = site.put(BODY)
    site.make(made)
    site.perform()
    site.database.artifacts.delete({})
    site.database.artifacts.insert(
        {
            "_id": "artifact",
            "rev": 0,
            "state": "idle",
            "source": {"location": "", "repository": "library/app"},
            "manifest_digest": "sha256:" + "0" * 64,
            "format": "squashfs",
            "options": {},
            "used_at": site.clock,
        }
    )
    site.deliver_again(Acl(uids=(7,)))
    site.perform()

    assert "ENTRY: ['/bin/app']" in site.meta.read_text()


def test_an_acl_that_cannot_be_said_touches_nothing(site: Site) -> None:
    site.make(site.put(BODY), acl_wanted=Acl())

    assert site.perform().result is Result.FAILED
    assert names_in(site) == set()


def test_a_file_with_another_time_but_the_pinned_bytes_stays(site: Site) -> None:
    site.make(site.put(BODY))
    site.perform()
    inode = site.file.stat().st_ino
    os.utime(site.file, (1, 1))
    site.deliver_again(None)
    site.perform()

    assert site.file.stat().st_ino == inode
    assert site.image.file is not None
    assert site.image.file.mtime_s == 1


def test_the_file_of_an_older_gateway_is_adopted_and_pinned(site: Site) -> None:
    site.file.write_bytes(OTHER)
    inode = site.file.stat().st_ino
    site.make(site.put(BODY))
    site.perform()

    assert (site.file.stat().st_ino, site.file.read_bytes()) == (inode, OTHER)
    assert (site.image.state, site.image.pin) == (ImageState.READY, ref_of(OTHER))


@pytest.mark.parametrize("content", [b"", b"no squashfs", squashfs(used=97)], ids=["empty", "other", "short"])
def test_an_unpinned_file_that_is_no_whole_squashfs_is_replaced(site: Site, content: bytes) -> None:
    site.file.write_bytes(content)
    site.make(site.put(BODY))
    site.perform()

    assert site.file.read_bytes() == BODY


def test_a_whole_squashfs_of_other_bytes_than_the_pin_is_replaced(site: Site) -> None:
    made = site.put(BODY)
    site.file.write_bytes(OTHER)
    site.make(made, pin=made)
    site.perform()

    assert site.file.read_bytes() == BODY


def test_the_pin_does_not_follow_an_artifact_that_was_made_anew(site: Site) -> None:
    made = site.put(BODY)
    site.make(made)
    site.perform()
    site.database.artifacts.delete({})
    site.desk.insert(artifact(site.put(OTHER)))
    os.utime(site.file, (1, 1))
    site.deliver_again(None)
    site.perform()

    assert (site.file.read_bytes(), site.image.pin) == (BODY, made)


def test_a_damaged_file_that_changes_while_it_is_judged_is_not_taken_away(site: Site) -> None:
    site.file.write_bytes(b"damaged")
    inode = site.file.stat().st_ino
    site.transport = Scripted(site.image_dir, after_read=lambda: site.file.write_bytes(OTHER))
    site.make(site.put(BODY))
    site.perform()

    assert (site.file.stat().st_ino, site.file.read_bytes()) == (inode, OTHER)


def test_a_file_that_changes_while_it_is_read_is_pinned_as_it_is_in_the_end(site: Site) -> None:
    later = squashfs(b"written by somebody else in the end")
    site.file.write_bytes(OTHER)
    site.transport = Scripted(site.image_dir, after_read=lambda: site.file.write_bytes(later))
    site.make(site.put(BODY))
    site.perform()

    assert site.image.pin == ref_of(later)


def test_a_name_that_goes_to_other_bytes_than_were_just_pinned_does_not_keep_them(site: Site) -> None:
    made = site.put(BODY)
    site.transport = Scripted(site.image_dir, name_new=lambda: site.file.write_bytes(OTHER))
    site.make(made)
    site.perform()

    assert (site.file.read_bytes(), site.image.pin) == (BODY, made)


def test_a_name_that_goes_to_somebody_elses_pinned_bytes_is_kept(site: Site) -> None:
    site.transport = Scripted(site.image_dir, name_new=lambda: site.file.write_bytes(BODY))
    site.make(site.put(BODY))

    assert site.perform().result is Result.DONE
    assert names_in(site) == ours()


def test_what_is_read_back_wrong_gets_no_name(site: Site) -> None:
    class Spoiling(LocalTransport):
        def upload(self, source: object, name: str, progress: object) -> None:
            super().upload(source, name, progress)  # type: ignore[arg-type]
            with (site.image_dir / name).open("r+b") as file:
                file.write(b"x")

    site.transport = Spoiling(site.image_dir)
    site.make(site.put(BODY))
    performed = site.perform()

    assert isinstance(performed.error, DeliveryWrong)
    assert names_in(site) == set()


def test_a_blob_that_is_gone_sends_image_and_artifact_back(site: Site) -> None:
    site.make(ref_of(BODY))

    assert site.perform().result is Result.DONE
    assert site.image.state is ImageState.WANTED
    found = site.desk.read(Artifact, "artifact")
    assert found is not None
    assert found.state is ArtifactState.FETCH
    assert names_in(site) == set()


def test_a_ready_image_whose_file_and_blob_are_gone_is_restored(site: Site) -> None:
    made = site.put(BODY)
    site.make(made)
    site.perform()
    site.file.unlink()
    site.store.delete(made.digest)
    site.deliver_again(Acl(uids=(7,)))
    site.perform()

    assert (site.image.state, site.image.is_restoring, site.image.work) == (ImageState.WANTED, True, None)


def test_a_blob_that_vanishes_while_it_is_copied_does_no_harm(site: Site) -> None:
    made = site.put(BODY)
    site.make(made)

    assert site.perform(lambda *_: site.store.delete(made.digest)).result is Result.DONE
    assert site.file.read_bytes() == BODY


def test_an_image_whose_file_is_being_brought_back_is_not_ready_meanwhile(site: Site) -> None:
    site.make(site.put(BODY))
    site.perform()
    site.file.unlink()
    site.deliver_again(Acl(uids=(7,)))
    states: set[str] = set()
    site.perform(lambda *_: states.add(site.image.state))

    assert states == {ImageState.DELIVER}
    assert site.image.state is ImageState.READY


def test_a_blob_that_was_cut_is_the_stores_fault(site: Site) -> None:
    made = site.put(BODY)
    os.truncate(site.store.path(made.digest), 1000)
    site.make(made)

    assert isinstance(site.perform().error, StoreFailed)
    assert names_in(site) == set()


def test_a_blob_that_is_cut_while_it_is_copied_is_the_stores_fault(site: Site) -> None:
    made = site.put(BODY)
    site.make(made)

    assert isinstance(site.perform(lambda *_: os.truncate(site.store.path(made.digest), 0)).error, StoreFailed)
    assert names_in(site) == set()


def test_nothing_of_ours_stays_when_the_step_is_told_to_stop(site: Site) -> None:
    site.make(site.put(BODY))

    def stop(done: int) -> None:
        if done:
            raise StepAborted("the service ends")

    assert site.perform(lambda done, _: stop(done)).result is Result.HANDED_BACK
    assert names_in(site) == set()


def test_nothing_else_in_the_directory_is_touched(site: Site) -> None:
    others = ["cache/x", "expand/y", "ubuntu.partial.7", f"{'cd' * 32}.squashfs", f".{'cd' * 32}.{SLEEPER}.tmp"]
    others += [f"{NAMES.file}.partial.1", f".{NAMES.file}.tmp", f".{'ab' * 32}.{'z' * 32}.tmp"]
    for name in others:
        (site.image_dir / name).parent.mkdir(exist_ok=True)
        (site.image_dir / name).write_text(name)
    site.make(site.put(BODY))
    site.perform()

    assert {name: (site.image_dir / name).read_text() for name in others} == {name: name for name in others}


def test_temporaries_of_dead_claims_go(site: Site) -> None:
    for name in (NAMES.temporary(SLEEPER), NAMES.meta_temporary(SLEEPER)):
        (site.image_dir / name).write_text("begun")
    site.make(site.put(BODY))
    site.perform()

    assert names_in(site) == ours()


@pytest.mark.parametrize("name", [NAMES.file, NAMES.meta])
@pytest.mark.parametrize("kind", ["link", "directory"])
def test_what_is_no_regular_file_under_our_names_is_refused(site: Site, kind: str, name: str) -> None:
    target = site.image_dir / "elsewhere"
    target.write_bytes(b"somebody's")
    if kind == "link":
        (site.image_dir / name).symlink_to(target)
    else:
        (site.image_dir / name).mkdir()
    site.make(site.put(BODY))
    performed = site.perform()

    assert isinstance(performed.error, PlatformRefused)
    assert names_in(site) == {name, "elsewhere"}
    assert target.read_bytes() == b"somebody's"


def test_a_directory_that_is_not_there_is_the_platforms_fault(site: Site) -> None:
    site.image_dir.rmdir()
    site.make(site.put(BODY))

    assert isinstance(site.perform().error, PlatformRefused)
