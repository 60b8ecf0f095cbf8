"""The names of our files in a platform's image directory. Nothing of any other form is ever touched."""

from __future__ import annotations

import re

from imagegw.errors import RequestInvalid

_ID = re.compile(r"[0-9a-f]{64,128}")
_TEMPORARY = re.compile(r"\.(?P<id>[0-9a-f]{64,128})\.(?P<claim>[0-9a-f]{32})\.(?P<kind>tmp|meta\.tmp)")


class Names:
    """The names of one image's files.

    >>> Names("ab" * 32).meta.removeprefix("ab" * 31)
    'ab.meta'
    """

    def __init__(self, image_id: str) -> None:
        """For the image *image_id*, the hex of a digest.

        Raises:
            RequestInvalid: it is none, and no file is called after it.
        """
        if _ID.fullmatch(image_id) is None:
            raise RequestInvalid(f"an image is called by the hex of a digest, found {image_id[:140]!r}")
        self._id = image_id

    @property
    def file(self) -> str:
        """The image itself."""
        return f"{self._id}.squashfs"

    @property
    def meta(self) -> str:
        """What the runtime is told about it."""
        return f"{self._id}.meta"

    def temporary(self, claim: str) -> str:
        """The image while the holder of *claim* writes it."""
        return f".{self._id}.{claim}.tmp"

    def meta_temporary(self, claim: str) -> str:
        """Its metadata while the holder of *claim* writes it."""
        return f".{self._id}.{claim}.meta.tmp"

    def is_temporary(self, name: str) -> bool:
        """Whether *name* is a temporary of this image."""
        found = _TEMPORARY.fullmatch(name)
        return found is not None and found["id"] == self._id

    def is_of_image(self, name: str) -> bool:
        """Whether *name* is a temporary of the image itself, not of its metadata."""
        found = _TEMPORARY.fullmatch(name)
        return found is not None and (found["id"], found["kind"]) == (self._id, "tmp")
