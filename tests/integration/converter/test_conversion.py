"""A conversion as a whole: what it leaves behind, when it fails, and that it does the same thing twice."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import textwrap
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagegw.domain.conversion import ConversionOptions, Limits, WriterChoice
from imagegw.domain.progress import ignore_progress
from imagegw.errors import ResultWrong, StepAborted, StoreFull, ToolMissing, WriterFailed
from imagegw_converter.conversion import convert
from tests.support.layered_images import (
    TIME,
    Item,
    convert_in,
    directory,
    file,
    hard_link,
    image_of,
    symlink,
    tree_on_disk,
    whiteout,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagegw_converter.source import ConversionInput

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("tar2sqfs") is None, reason="tar2sqfs is not installed"),
    pytest.mark.skipif(shutil.which("mksquashfs") is None, reason="mksquashfs is not installed"),
]

WRITERS: list[WriterChoice] = ["tar2sqfs", "mksquashfs"]
NOISE = hashlib.shake_256(b"noise").digest(300_000)


def an_image() -> ConversionInput:
    lower: list[Item] = [
        directory("./", 0o755), directory("bin", 0o755), file("bin/a", NOISE, mode=0o755),
        hard_link("bin/b", "bin/a"), symlink("sh", "bin/a"), file("gone", "x"), file("-odd [*] \\name", "odd"),
    ]  # fmt: skip
    return image_of(lower, [whiteout("gone"), file("etc/x", "y")])


@pytest.mark.parametrize("writer", WRITERS)
def test_both_writers_make_the_same_tree(tmp_path: Path, writer: WriterChoice) -> None:
    converted = convert_in(tmp_path, an_image(), writer=writer)
    tree = converted.tree
    assert set(tree) == {b"", b"bin", b"bin/a", b"bin/b", b"sh", b"etc", b"etc/x", b"-odd [*] \\name"}
    assert tree[b"bin/b"].links == (b"bin/a",)
    assert tree[b"bin/a"].content == NOISE
    assert converted.record.tool == writer


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("processors", [1, 2])
def test_the_same_layers_and_options_give_the_same_bytes(
    tmp_path: Path, writer: WriterChoice, processors: int
) -> None:
    digests = set()
    for n, threads in enumerate((1, processors)):
        options = ConversionOptions(writer=writer, processors=threads)
        output = tmp_path / str(n)
        digests.add(convert(an_image(), options, output, ignore_progress).digest)
    assert len(digests) == 1


def test_the_record_says_what_was_made_of_what(tmp_path: Path) -> None:
    image = an_image()
    output = tmp_path / "image.squashfs"
    record = convert(image, ConversionOptions(), output, ignore_progress)
    data = output.read_bytes()
    assert record.digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert record.size_bytes == len(data)
    assert (record.counts.directories, record.counts.files, record.counts.hard_links) == (3, 3, 1)
    assert record.tool == "tar2sqfs"
    assert record.examined_with.startswith("unsquashfs ")
    statement = record.provenance
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert image.layers[0].digest.removeprefix("sha256:") in str(statement["predicate"])
    assert list(tmp_path.iterdir()) == [output]


def test_what_stood_under_the_name_is_replaced(tmp_path: Path) -> None:
    output = tmp_path / "image.squashfs"
    output.write_bytes(b"old")
    record = convert(an_image(), ConversionOptions(), output, ignore_progress)
    assert output.stat().st_size == record.size_bytes


@pytest.mark.parametrize(
    ("writer", "compressor"),
    [
        *product(WRITERS, ["zstd", "gzip", "xz", "lzo"]),
        ("auto", "lz4"),
    ],
)
def test_every_compressor_is_written_and_read_back(tmp_path: Path, writer: WriterChoice, compressor: str) -> None:
    converted = convert_in(tmp_path, an_image(), compressor=compressor, writer=writer, block_bytes=65536)
    assert converted.tree[b"bin/a"].content == NOISE


def test_lz4_is_not_left_to_a_writer_whose_lz4_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match="cannot write lz4"):
        convert_in(tmp_path, an_image(), compressor="lz4", writer="tar2sqfs")


@pytest.mark.parametrize("call", [1, 3, 6])
def test_a_stop_leaves_nothing_behind(tmp_path: Path, call: int) -> None:
    calls = 0

    def stop(done_bytes: int, total_bytes: int | None) -> None:  # noqa: ARG001 - named as its callers name them
        nonlocal calls
        calls += 1
        if calls == call:
            raise StepAborted

    before = _children()
    with pytest.raises(StepAborted):
        convert(an_image(), ConversionOptions(), tmp_path / "image.squashfs", stop)
    assert list(tmp_path.iterdir()) == []
    assert _children() <= before


def test_progress_ends_with_all_bytes_read(tmp_path: Path) -> None:
    image = an_image()
    seen: list[tuple[int, int | None]] = []

    def note(done_bytes: int, total_bytes: int | None) -> None:
        seen.append((done_bytes, total_bytes))

    convert(image, ConversionOptions(), tmp_path / "x", note)
    size = sum(layer.size_bytes for layer in image.layers)
    assert seen[-1] == (size, size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def _children() -> set[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return {int(pid) for pid in listed.split()}


# --- the writer's failures ------------------------------------------------------------------------------------


@pytest.fixture
def fake_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put a tar2sqfs of the test's before the host's; the test writes its body."""
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    yield tools / "tar2sqfs"
    assert [path.name for path in (tmp_path / "out").iterdir()] == []


def _script(where: Path, body: str) -> None:
    real = shutil.which("tar2sqfs", path=os.environ["PATH"].partition(":")[2])
    head = f"#!{sys.executable}\nimport os, subprocess, sys\nREAL = {real!r}\nOUTPUT = sys.argv[-1]\n"
    version = "if '--version' in sys.argv:\n    print('tar2sqfs 9.9')\n    sys.exit()\n"
    where.write_text(head + version + textwrap.dedent(body))
    where.chmod(0o755)


def _convert(tmp_path: Path, image: ConversionInput | None = None) -> None:
    (tmp_path / "out").mkdir()
    output = tmp_path / "out" / "image.squashfs"
    convert(image or an_image(), ConversionOptions(), output, ignore_progress)


def test_a_writer_that_dies_early_is_reported_with_its_last_words(tmp_path: Path, fake_tool: Path) -> None:
    _script(fake_tool, "print('no more', file=sys.stderr); sys.exit(3)")
    big = image_of([file(f"f{n}", os.urandom(200_000)) for n in range(20)])
    with pytest.raises(WriterFailed, match=r"status 3: no more"):
        _convert(tmp_path, big)


def test_a_writer_that_fails_at_the_end_is_reported(tmp_path: Path, fake_tool: Path) -> None:
    _script(fake_tool, "subprocess.run([REAL, *sys.argv[1:]]); sys.exit(1)")
    with pytest.raises(WriterFailed, match="status 1"):
        _convert(tmp_path)


def test_a_writer_that_was_killed_leaves_no_result(tmp_path: Path, fake_tool: Path) -> None:
    _script(fake_tool, "subprocess.run([REAL, *sys.argv[1:]]); os.kill(os.getpid(), 9)")
    with pytest.raises(WriterFailed, match="status -9"):
        _convert(tmp_path)


def test_a_writer_without_space_is_a_full_store(tmp_path: Path, fake_tool: Path) -> None:
    _script(fake_tool, "sys.stdin.buffer.read(); sys.exit('write: No space left on device')")
    with pytest.raises(StoreFull, match="more are needed"):
        _convert(tmp_path)


def test_a_stream_cut_on_its_way_to_the_writer_is_noticed_though_it_exits_0(
    tmp_path: Path, fake_tool: Path
) -> None:
    _script(
        fake_tool,
        """
        data = sys.stdin.buffer.read()
        sys.exit(subprocess.run([REAL, *sys.argv[1:]], input=data[: -512 * 7]).returncode)
        """,
    )
    with pytest.raises(ResultWrong, match="another inodes"):
        _convert(tmp_path)


def test_a_changed_byte_is_noticed_by_reading_back(tmp_path: Path, fake_tool: Path) -> None:
    _script(
        fake_tool,
        """
        data = sys.stdin.buffer.read().replace(b'content', b'CONTENT')
        sys.exit(subprocess.run([REAL, *sys.argv[1:]], input=data).returncode)
        """,
    )
    with pytest.raises(ResultWrong, match="sha256 of x read by unsquashfs"):
        _convert(tmp_path, image_of([file("x", "content")]))


def test_a_result_that_is_no_squashfs_is_noticed(tmp_path: Path, fake_tool: Path) -> None:
    _script(fake_tool, "sys.stdin.buffer.read(); open(OUTPUT, 'wb').write(bytes(200))")
    with pytest.raises(ResultWrong, match="no squashfs file"):
        _convert(tmp_path)


def test_a_result_that_is_cut_is_noticed(tmp_path: Path, fake_tool: Path) -> None:
    _script(fake_tool, "subprocess.run([REAL, *sys.argv[1:]]); os.truncate(OUTPUT, 200_000)")
    with pytest.raises(ResultWrong, match="the superblock says"):
        _convert(tmp_path)


def test_a_host_without_the_tools_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="tar2sqfs or mksquashfs"):
        convert(an_image(), ConversionOptions(), tmp_path / "x", ignore_progress)


def test_too_little_space_is_said_before_anything_is_written(tmp_path: Path) -> None:
    options = ConversionOptions(limits=Limits(reserve_bytes=1 << 60))
    with pytest.raises(StoreFull, match="more are needed"):
        convert(an_image(), options, tmp_path / "x", ignore_progress)
    assert list(tmp_path.iterdir()) == []


# --- the kernel -----------------------------------------------------------------------------------------------


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
@pytest.mark.skipif(not Path("/bin/busybox").exists(), reason="busybox is not installed")
@pytest.mark.parametrize("writer", WRITERS)
def test_the_kernel_mounts_the_file_and_a_program_in_it_runs(tmp_path: Path, writer: WriterChoice) -> None:
    busybox = Path("/bin/busybox").read_bytes()
    image = image_of([directory("bin"), file("bin/busybox", busybox, mode=0o755), symlink("bin/sh", "busybox")])
    output, mount = tmp_path / "image.squashfs", tmp_path / "mnt"
    convert(image, ConversionOptions(writer=writer), output, ignore_progress)
    mount.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "squashfs", "-o", "loop,ro,nosuid,nodev", output, mount],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode != 0:
        pytest.skip(f"this kernel mounts no squashfs here: {mounted.stderr.strip()}")
    try:
        said = subprocess.run(
            ["chroot", "--userspec=65534:65534", mount, "/bin/sh", "-c", "echo it runs"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert said.stdout == "it runs\n"
        assert tree_on_disk(mount)[b"bin/sh"].mtime == TIME
    finally:
        subprocess.run(["umount", mount], check=True)
