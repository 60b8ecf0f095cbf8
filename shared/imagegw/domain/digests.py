"""Digests: the names of bytes, as the OCI image specification writes them (descriptor.md, "Digests")."""

from __future__ import annotations

import hashlib
import re
from typing import Protocol

from imagegw.errors import ManifestInvalid

HEX_LENGTHS = {"sha256": 64, "sha512": 128}
"""The registered algorithms, each with the length of its hex; blake3 is registered but nobody pushes it."""

_FORM = re.compile(r"(?P<algorithm>[a-z0-9]+(?:[.+_-][a-z0-9]+)*):(?P<encoded>[a-zA-Z0-9=_-]+)")
_HEX = re.compile(r"[0-9a-f]+")


class Hasher(Protocol):
    """What :mod:`hashlib` gives for an algorithm."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


def is_digest(text: str) -> bool:
    """Whether *text* is a digest that the gateway can check.

    >>> is_digest("sha256:" + "0" * 64), is_digest("sha256:" + "0" * 63), is_digest("md5:" + "0" * 32)
    (True, False, False)
    """
    match = _FORM.fullmatch(text)
    if match is None:
        return False
    length = HEX_LENGTHS.get(match["algorithm"])
    return length == len(match["encoded"]) and _HEX.fullmatch(match["encoded"]) is not None


def split_digest(digest: str) -> tuple[str, str]:
    """Algorithm and lower-case hex of *digest*.

    Raises:
        ManifestInvalid: it is none; what is not checked here would otherwise become a file name.
    """
    if not is_digest(digest):
        raise ManifestInvalid(f"expected a sha256 or sha512 digest, found {digest[:150]!r}")
    algorithm, _, encoded = digest.partition(":")
    return algorithm, encoded


def hasher_for(digest: str) -> Hasher:
    """A fresh hasher of *digest*'s algorithm."""
    return hashlib.new(split_digest(digest)[0])


def digest_of(body: bytes, *, like: str = "sha256:") -> str:
    """The digest of *body*, by the algorithm of the digest *like*.

    >>> digest_of(b"")
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"
