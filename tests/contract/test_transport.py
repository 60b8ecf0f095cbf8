"""What every way to a platform does. A new transport joins by one line in ``TRANSPORTS``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imagegw.domain.progress import ignore_progress
from imagegw.errors import PlatformRefused, StepAborted, StoreFailed
from imagegw_shipper.source import StoredFile
from imagegw_shipper.transports.local import LocalTransport
from imagegw_shipper.transports.port import Transport
from tests.support.delivering import ref_of

TRANSPORTS: dict[str, Callable[[Path], Transport]] = {"local": LocalTransport}

BODY = os.urandom((17 << 20) + 1)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The platform's image directory, as the test sees it without the transport."""
    made = tmp_path / "images"
    made.mkdir()
    return made


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest, directory: Path) -> Transport:
    return TRANSPORTS[request.param](directory)


@contextmanager
def sent(tmp_path: Path, body: bytes = BODY) -> Iterator[StoredFile]:
    blob = tmp_path / "blob"
    blob.write_bytes(body)
    with blob.open("rb") as file:
        yield StoredFile(file, ref_of(body))


def read(transport: Transport, name: str) -> bytes:
    return b"".join(transport.read(name))


def test_nothing_stands_under_a_free_name(transport: Transport) -> None:
    assert transport.stat("free") is None


def test_a_file_stands_with_its_size_and_time(transport: Transport, directory: Path) -> None:
    (directory / "file").write_bytes(b"12345")
    os.utime(directory / "file", (1000, 1000))
    found = transport.stat("file")

    assert found is not None
    assert (found.size_bytes, found.mtime_s) == (5, 1000)


@pytest.mark.parametrize("target", ["file", "nowhere"])
def test_a_link_is_refused_not_followed(transport: Transport, directory: Path, target: str) -> None:
    (directory / "file").write_bytes(b"12345")
    (directory / "link").symlink_to(target)

    with pytest.raises(PlatformRefused):
        transport.stat("link")
    with pytest.raises(PlatformRefused):
        read(transport, "link")


def test_a_directory_is_refused(transport: Transport, directory: Path) -> None:
    (directory / "other").mkdir()
    with pytest.raises(PlatformRefused):
        transport.stat("other")


def test_all_names_are_listed(transport: Transport, directory: Path) -> None:
    (directory / ".hidden").touch()
    (directory / "below").mkdir()
    (directory / "below" / "deeper").touch()

    assert set(transport.names()) == {".hidden", "below"}


@pytest.mark.parametrize("body", [BODY, b"", b"x"], ids=["large", "empty", "one byte"])
def test_what_is_uploaded_is_read_back(transport: Transport, tmp_path: Path, body: bytes) -> None:
    with sent(tmp_path, body) as source:
        transport.upload(source, ".new", ignore_progress)

    assert read(transport, ".new") == body


def test_an_upload_is_0600_whatever_the_umask(transport: Transport, directory: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with sent(tmp_path) as source:
            transport.upload(source, ".new", ignore_progress)
        transport.write(".meta", b"x")
    finally:
        os.umask(before)

    assert [(directory / name).stat().st_mode & 0o777 for name in (".new", ".meta")] == [0o600, 0o600]


def test_an_upload_takes_the_place_of_what_another_has_begun(transport: Transport, tmp_path: Path) -> None:
    transport.write(".new", b"something else, and longer" * (1 << 20))
    with sent(tmp_path) as source:
        transport.upload(source, ".new", ignore_progress)

    assert read(transport, ".new") == BODY


def test_an_upload_says_how_far_it_is(transport: Transport, tmp_path: Path) -> None:
    reported: list[tuple[int, int | None]] = []
    with sent(tmp_path) as source:
        transport.upload(source, ".new", lambda *said: reported.append(said))

    assert reported == sorted(reported)
    assert reported[-1] == (len(BODY), len(BODY))


def test_an_upload_stops_when_it_is_told_to(transport: Transport, tmp_path: Path) -> None:
    def stop() -> None:
        raise StepAborted("the service ends")

    with sent(tmp_path) as source, pytest.raises(StepAborted):
        transport.upload(source, ".new", lambda *_: stop())


def test_a_source_that_ends_too_soon_is_not_the_platforms_fault(transport: Transport, tmp_path: Path) -> None:
    with sent(tmp_path) as source:
        os.truncate(tmp_path / "blob", 1000)
        with pytest.raises(StoreFailed):
            transport.upload(source, ".new", ignore_progress)


def test_a_free_name_is_given(transport: Transport, directory: Path) -> None:
    transport.write(".new", b"ours")

    assert transport.name_new(".new", "name")
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == {"name": b"ours"}
    assert (directory / "name").stat().st_nlink == 1


def test_a_name_that_is_taken_is_not_given(transport: Transport, directory: Path) -> None:
    (directory / "name").write_bytes(b"theirs")
    transport.write(".new", b"ours")

    assert not transport.name_new(".new", "name")
    assert (directory / "name").read_bytes() == b"theirs"


def test_a_temporary_that_another_has_taken_away_gets_no_name(transport: Transport, directory: Path) -> None:
    with pytest.raises(PlatformRefused):
        transport.name_new(".new", "name")
    with pytest.raises(PlatformRefused):
        transport.replace(".new", "name")
    assert list(directory.iterdir()) == []


def test_replacing_gives_the_name_whoever_has_it(transport: Transport, directory: Path) -> None:
    (directory / "name").write_bytes(b"theirs")
    transport.write(".new", b"ours")
    transport.replace(".new", "name")

    assert {path.name: path.read_bytes() for path in directory.iterdir()} == {"name": b"ours"}


def test_what_was_inherited_is_uploaded_whole_all_the_same(
    transport: Transport, directory: Path, tmp_path: Path
) -> None:
    (directory / ".left").write_bytes(BODY[: 5 << 20])
    transport.inherit(".left", ".new")
    assert not (directory / ".left").exists()
    with sent(tmp_path) as source:
        transport.upload(source, ".new", ignore_progress)

    assert read(transport, ".new") == BODY


def test_what_is_removed_is_gone_and_a_repeat_is_harmless(transport: Transport, directory: Path) -> None:
    (directory / "file").touch()
    transport.remove("file")
    transport.remove("file")
    transport.sync()

    assert list(directory.iterdir()) == []


def test_a_directory_under_a_name_is_not_removed(transport: Transport, directory: Path) -> None:
    (directory / "below").mkdir()
    with pytest.raises(PlatformRefused):
        transport.remove("below")
    assert (directory / "below").is_dir()


@pytest.mark.parametrize(
    "act",
    [
        lambda t: t.stat("x"),
        lambda t: list(t.names()),
        lambda t: list(t.read("x")),
        lambda t: t.write("x", b""),
        lambda t: t.sync(),
    ],
    ids=["stat", "names", "read", "write", "sync"],
)
def test_without_the_directory_everything_is_refused(
    transport: Transport, directory: Path, act: Callable[[Transport], object]
) -> None:
    directory.rmdir()
    with pytest.raises(PlatformRefused):
        act(transport)
