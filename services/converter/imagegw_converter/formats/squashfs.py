"""Squashfs: which program writes it, and whether it wrote what it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagegw.errors import ResultWrong, ToolMissing
from imagegw_converter.formats import mksquashfs, programs, readback, superblock, tar2sqfs

if TYPE_CHECKING:
    from pathlib import Path

    from imagegw.domain.conversion import ConversionOptions
    from imagegw_converter.formats.port import Expected, Writer

_COMPRESSORS = {tar2sqfs.NAME: tar2sqfs.COMPRESSORS, mksquashfs.NAME: mksquashfs.COMPRESSORS}


class Squashfs:
    """See :class:`imagegw_converter.formats.port.Format`."""

    def writer(self, options: ConversionOptions) -> Writer:
        """Prefer tar2sqfs: faster, and right on input on which mksquashfs has had races."""
        wanted = (tar2sqfs.NAME, mksquashfs.NAME) if options.writer == "auto" else (options.writer,)
        able = [name for name in wanted if options.compressor in _COMPRESSORS[name]]
        if tar2sqfs.NAME in able and programs.is_installed(tar2sqfs.NAME):
            return tar2sqfs.Tar2Sqfs.found()
        if mksquashfs.NAME in able and programs.is_installed(mksquashfs.NAME):
            return mksquashfs.MkSquashfs.found()
        if not able:
            message = f"{options.writer} cannot write {options.compressor}"
            raise ToolMissing(message)
        message = f"the converter needs {' or '.join(able)}, and it is not installed on this host"
        raise ToolMissing(message)

    def check(self, file: Path, writer: Writer, options: ConversionOptions, expected: Expected) -> str:
        """Compare superblock, inode count, names and a sample of contents."""
        try:
            found = superblock.read(file)
        except superblock.NoSquashfs as error:
            message = f"{writer.name} ended well, but wrote no squashfs file: {error}"
            raise ResultWrong(message) from error
        _same("inodes", expected.inodes, found.inodes)
        _same("block size", options.block_bytes, found.block_bytes)
        _same("compressor", options.compressor, found.compressor)
        reader = readback.reader_for(writer.name)
        if expected.names is not None:
            _same(f"names listed by {reader.name}", expected.names, reader.count_names(file))
        for path, digest in expected.sample:
            where = path.decode("utf-8", "backslashreplace")
            _same(f"sha256 of {where} read by {reader.name}", digest, reader.content_digest(file, path))
        return f"{reader.name} {programs.version(reader.name, reader.version_argument)}"


def _same(what: str, expected: object, found: object) -> None:
    if expected != found:
        message = f"the written file has another {what}: sent {expected}, found {found}"
        raise ResultWrong(message)
