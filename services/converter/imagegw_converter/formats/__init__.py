"""The formats that an image file may have; a new one is a module here and a line in the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagegw_converter.formats.squashfs import Squashfs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagegw_converter.formats.port import Format

FORMATS: Mapping[str, Format] = {"squashfs": Squashfs()}
