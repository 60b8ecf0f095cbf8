"""The names of our files in a platform's image directory. Nothing of any other form is ever touched."""

from __future__ import annotations

import re

_TEMPORARY = re.compile(r"\.(?P<id>[0-9a-f]{64,128})\.(?P<claim>[0-9a-f]{32})\.(?:tmp|meta\.tmp)")


class Names:
    """The names of one image's files.

    >>> Names("ab12").file, Names("ab12").meta
    ('ab12.squashfs', 'ab12.meta')
    """

    def __init__(self, image_id: str) -> None:
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

    def is_of_claim(self, name: str, claim: str) -> bool:
        """Whether *name* is a temporary of this image under that claim."""
        return name in {self.temporary(claim), self.meta_temporary(claim)}
