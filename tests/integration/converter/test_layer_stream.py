"""The layer stream: codecs, damage, digests and bombs, each through a whole conversion."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import shutil
from typing import TYPE_CHECKING

import pytest
from backports import zstd

from imagegw.domain.conversion import MIB, Limits
from imagegw.errors import BlobMissing, LayerInvalid, LayerRefused, StoreFailed
from tests.support.layered_images import TIME, convert_in, directory, file, image_of, layer_of, tar_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("tar2sqfs") is None, reason="tar2sqfs is not installed"),
    pytest.mark.skipif(shutil.which("unsquashfs") is None, reason="unsquashfs is not installed"),
]

HELLO = tar_of([file("hello", "hi")])
SKIPPABLE_FRAME = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"


def plain(data: bytes) -> bytes:
    return data


def two_members(data: bytes) -> bytes:
    return gzip.compress(data[:700]) + gzip.compress(data[700:])


def padded(data: bytes) -> bytes:
    return gzip.compress(data) + bytes(512)


def skippable(data: bytes) -> bytes:
    return SKIPPABLE_FRAME + zstd.compress(data[:600]) + SKIPPABLE_FRAME + zstd.compress(data[600:])


@pytest.mark.parametrize("compress", [plain, gzip.compress, two_members, padded, zstd.compress, skippable])
def test_every_codec_is_told_by_its_magic_whatever_the_media_type_says(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    layer = layer_of(HELLO, compress=compress, media_type="application/vnd.oci.image.layer.v1.tar+zstd")
    assert convert_in(tmp_path, image_of(layer)).tree[b"hello"].content == b"hi"


def test_the_layers_of_one_image_may_be_compressed_differently(tmp_path: Path) -> None:
    image = image_of(
        layer_of(tar_of([file("a", "1")]), compress=plain),
        layer_of(tar_of([file("b", "2")]), compress=zstd.compress),
        layer_of(tar_of([file("c", "3")])),
    )
    tree = convert_in(tmp_path, image).tree
    assert [tree[name].content for name in (b"a", b"b", b"c")] == [b"1", b"2", b"3"]


def test_another_codec_is_named(tmp_path: Path) -> None:
    with pytest.raises(LayerInvalid, match="bzip2"):
        convert_in(tmp_path, image_of(layer_of(HELLO, compress=bz2.compress)))


def test_the_same_layer_twice_is_the_layer_once(tmp_path: Path) -> None:
    layer = layer_of(HELLO)
    converted = convert_in(tmp_path, image_of(layer, layer))
    assert converted.tree[b"hello"].content == b"hi"
    assert converted.record.counts.files == 1


@pytest.mark.parametrize("archive", [b"", bytes(1024), bytes(10240)])
def test_an_empty_layer_adds_nothing(tmp_path: Path, archive: bytes) -> None:
    tree = convert_in(tmp_path, image_of(layer_of(HELLO), layer_of(archive))).tree
    assert set(tree) == {b"", b"hello"}


def test_a_layer_of_no_bytes_at_all_adds_nothing(tmp_path: Path) -> None:
    tree = convert_in(tmp_path, image_of(layer_of(HELLO), layer_of(b"", compress=plain))).tree
    assert set(tree) == {b"", b"hello"}


@pytest.mark.parametrize("compress", [plain, gzip.compress, zstd.compress])
@pytest.mark.parametrize("missing", [1, 9, 700])
def test_a_stream_that_is_cut_is_an_error_with_every_codec(
    tmp_path: Path, compress: Callable[[bytes], bytes], missing: int
) -> None:
    archive = tar_of([file("random", hashlib.shake_256(b"seed").digest(4000))])
    blob = compress(archive)[:-missing]
    layer = layer_of(archive, compress=compress, open=lambda: io.BytesIO(blob))
    with pytest.raises(LayerInvalid, match="layer 1 of 1"):
        convert_in(tmp_path, image_of(layer))
    assert list(tmp_path.iterdir()) == []


def test_a_stream_that_is_cut_between_two_entries_is_noticed_by_its_digest(tmp_path: Path) -> None:
    whole = tar_of([file("a"), file("b")])
    layer = layer_of(whole, compress=plain, open=lambda: io.BytesIO(whole[:512]))
    with pytest.raises(LayerInvalid, match="digest"):
        convert_in(tmp_path, image_of(layer))


def test_a_corrupt_byte_is_an_error(tmp_path: Path) -> None:
    blob = bytearray(gzip.compress(HELLO))
    blob[-6] ^= 1
    with pytest.raises(LayerInvalid, match="damaged"):
        convert_in(tmp_path, image_of(layer_of(HELLO, open=lambda: io.BytesIO(bytes(blob)))))


def test_rubbish_after_the_compressed_stream_is_an_error(tmp_path: Path) -> None:
    layer = layer_of(HELLO, compress=lambda data: gzip.compress(data) + b"rubbish")
    with pytest.raises(LayerInvalid, match="damaged"):
        convert_in(tmp_path, image_of(layer))


def test_what_follows_the_end_blocks_is_only_hashed(tmp_path: Path) -> None:
    layer = layer_of(HELLO + tar_of([file("behind")]) + b"rubbish")
    assert set(convert_in(tmp_path, image_of(layer)).tree) == {b"", b"hello"}


@pytest.mark.parametrize("end", [1024, 512])
def test_missing_end_blocks_are_accepted(tmp_path: Path, end: int) -> None:
    archive = HELLO[: 1024 + 1024 - end]
    assert convert_in(tmp_path, image_of(layer_of(archive))).tree[b"hello"].content == b"hi"


def test_missing_padding_after_the_last_file_is_accepted(tmp_path: Path) -> None:
    assert convert_in(tmp_path, image_of(layer_of(HELLO[:514]))).tree[b"hello"].content == b"hi"


def test_another_diff_id_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LayerInvalid, match="its uncompressed digest is"):
        convert_in(tmp_path, image_of(layer_of(HELLO, diff_id="sha256:" + "0" * 64)))


def test_without_a_diff_id_the_blobs_own_digest_is_checked(tmp_path: Path) -> None:
    right, wrong = layer_of(HELLO, diff_id=None), layer_of(HELLO, diff_id=None, digest="sha256:" + "0" * 64)
    assert b"hello" in convert_in(tmp_path, image_of(right)).tree
    with pytest.raises(LayerInvalid, match="compressed digest"):
        convert_in(tmp_path, image_of(wrong))


def test_sha512_is_checked_as_well(tmp_path: Path) -> None:
    layer = layer_of(HELLO, diff_id="sha512:" + hashlib.sha512(HELLO).hexdigest())
    assert b"hello" in convert_in(tmp_path, image_of(layer)).tree


def test_what_is_no_archive_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LayerInvalid, match="checksum"):
        convert_in(tmp_path, image_of(layer_of(b"#!/bin/sh\n" + b"echo this is no archive\n" * 100)))


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    layer = layer_of(tar_of([file("bomb", bytes(32 * MIB))]), compress=compress)
    with pytest.raises(LayerRefused, match="entry bomb: a layer may be compressed 200 times"):
        convert_in(tmp_path, image_of(layer), limits=Limits(ratio_free_bytes=MIB))


def test_a_small_file_of_zeros_is_no_bomb(tmp_path: Path) -> None:
    image = image_of([file("zeros", bytes(32 * MIB))])
    assert convert_in(tmp_path, image).record.uncompressed_bytes > 32 * MIB


def test_uncompressed_bytes_are_limited_over_all_layers(tmp_path: Path) -> None:
    image = image_of([file("a", bytes(MIB))], [file("b", bytes(MIB))])
    with pytest.raises(LayerRefused, match=r"layer 1 of 2.*entry a.*1572864 bytes uncompressed"):
        convert_in(tmp_path, image, limits=Limits(uncompressed_bytes=3 * MIB // 2))


def test_entries_are_limited_over_all_layers(tmp_path: Path) -> None:
    image = image_of([file("a"), file("b")], [file("c")])
    with pytest.raises(LayerRefused, match="an image may have 2 entries"):
        convert_in(tmp_path, image, limits=Limits(entries=2))


def test_path_depth_is_limited(tmp_path: Path) -> None:
    with pytest.raises(LayerRefused, match="a path may have 3 components"):
        convert_in(tmp_path, image_of([file("a/b/c/d")]), limits=Limits(path_depth=3))


def test_time_is_limited(tmp_path: Path) -> None:
    with pytest.raises(LayerRefused, match="longer than"):
        convert_in(tmp_path, image_of(HELLO), limits=Limits(duration_s=1e-9))


def test_a_missing_blob_is_said_as_it_is(tmp_path: Path) -> None:
    def gone() -> BinaryIO:
        raise BlobMissing("sha256:" + "1" * 64)

    with pytest.raises(BlobMissing):
        convert_in(tmp_path, image_of(layer_of(HELLO, open=gone)))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fails_is_not_the_images_fault(tmp_path: Path) -> None:
    class Failing(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            message = "Input/output error"
            raise OSError(5, message)

    with pytest.raises(StoreFailed, match="Input/output error"):
        convert_in(tmp_path, image_of(layer_of(HELLO, open=Failing)))


def test_a_layers_time_and_directories_survive(tmp_path: Path) -> None:
    tree = convert_in(tmp_path, image_of([directory("d", 0o750), file("d/f", "x", mtime=TIME + 1)])).tree
    assert (tree[b"d"].mode, tree[b"d"].mtime, tree[b"d/f"].mtime) == (0o750, TIME, TIME + 1)
