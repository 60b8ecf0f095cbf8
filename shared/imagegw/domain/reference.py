"""References: what users type, and which repository at which location they mean by it.

The grammar is that of the distribution project (github.com/distribution/reference, ``reference.go``), but for
one rule of this gateway's wire contract: the first component names a registry only if the site's
configuration has a location of that name; else the whole is a repository at the default location.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from imagegw.domain.digests import is_digest
from imagegw.errors import ReferenceInvalid

DOCKER_HUB_NAMES = frozenset({"", "docker.io", "index.docker.io", "registry-1.docker.io"})
"""Location names that all mean Docker Hub, where a repository of one component stands under ``library/``."""

DEFAULT_TAG = "latest"
LONGEST_REPOSITORY = 255
_MOST_SHOWN = 300

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_BARE_DIGEST = re.compile(r"(?P<name>[^@]+?)(?P<digest>sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A repository at a location of the configuration, and what is wanted of it: a tag, a digest or both."""

    location: str
    """A key of the configuration's ``Locations``."""
    repository: str
    """As the registry itself calls it: Docker Hub's ``ubuntu`` is ``library/ubuntu``."""
    tag: str | None = None
    digest: str | None = None

    @property
    def wanted(self) -> str:
        """What the registry is asked for: the digest, which wins over a tag beside it, or the tag."""
        if self.digest is not None:
            return self.digest
        return DEFAULT_TAG if self.tag is None else self.tag

    def __str__(self) -> str:
        """The reference in full; parsed again, with the same locations, it is this one."""
        name = f"{self.location or 'docker.io'}/{self.repository}"
        tag = "" if self.tag is None else f":{self.tag}"
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{name}{tag}{digest}"


def is_docker_hub(location: str) -> bool:
    """Whether a location of this name is Docker Hub."""
    return location in DOCKER_HUB_NAMES


def normalise_typed_tag(text: str) -> str:
    """*text* as the gateway remembers it: what the user typed, with the tag that leaving it out means.

    Clients of earlier versions lose the ``@`` before a digest; here it comes back, so that all clients mean
    the same by the same words.

    >>> normalise_typed_tag("ubuntu"), normalise_typed_tag("site.org:5000/a/b"), normalise_typed_tag("a:1")
    ('ubuntu:latest', 'site.org:5000/a/b:latest', 'a:1')
    """
    bare = _BARE_DIGEST.fullmatch(text)
    if bare is not None:
        text = f"{bare['name'].removesuffix(':')}@{bare['digest']}"
    if "@" in text or ":" in text.rpartition("/")[2]:
        return text
    return f"{text}:{DEFAULT_TAG}"


def parse_reference(text: str, *, locations: Collection[str], default_location: str) -> Reference:
    """What *text* means at a site with these locations.

    A reference with neither tag nor digest has the tag ``latest``; one with a digest only has no tag.

    Raises:
        ReferenceInvalid: it is no reference; the message says which part and why.
    """
    name, tag, digest = _split(normalise_typed_tag(text))
    location, repository = _place(name, locations, default_location)
    if is_docker_hub(location) and "/" not in repository:
        repository = f"library/{repository}"
    _check_repository(repository, text)
    return Reference(location=location, repository=repository, tag=tag, digest=digest)


def _split(text: str) -> tuple[str, str | None, str | None]:
    """Name, tag and digest; tag and digest are checked, the name is not."""
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise ReferenceInvalid(
            f"{_shown(text)}: expected sha256:<64 hex digits> or sha512:<128> after '@', found {_shown(digest)}"
        )
    before, _, last = rest.rpartition("/")
    component, colon, tag = last.partition(":")
    if colon and _TAG.fullmatch(tag) is None:
        raise ReferenceInvalid(
            f"{_shown(text)}: expected a tag of at most 128 letters, digits, '_', '.' and '-', found {_shown(tag)}"
        )
    name = f"{before}/{component}" if before or rest.startswith("/") else component
    return name, tag if colon else None, digest if at else None


def _place(name: str, locations: Collection[str], default_location: str) -> tuple[str, str]:
    """The location that *name* begins with, or the default one, and the repository there."""
    first, slash, rest = name.partition("/")
    named = _spelt(first, locations) if slash and first else None
    if named is not None:
        return named, rest
    default = _spelt(default_location, locations)
    return default_location if default is None else default, name


def _spelt(location: str, locations: Collection[str]) -> str | None:
    """How the configuration spells *location*: Docker Hub may have any of its names there; None: not at all."""
    if location in locations:
        return location
    if location in DOCKER_HUB_NAMES:
        return next(iter(sorted(DOCKER_HUB_NAMES.intersection(locations))), None)
    return None


def _check_repository(repository: str, text: str) -> None:
    if len(repository) > LONGEST_REPOSITORY:
        raise ReferenceInvalid(
            f"{_shown(text)}: expected a repository of at most {LONGEST_REPOSITORY} characters, "
            f"found {len(repository)}"
        )
    if _REPOSITORY.fullmatch(repository) is not None:
        return
    first = repository.partition("/")[0]
    if ":" in first:
        raise ReferenceInvalid(f"{_shown(text)}: the gateway knows no registry of the name {_shown(first)}")
    raise ReferenceInvalid(
        f"{_shown(text)}: expected a repository of lower-case letters and digits, "
        f"joined by '.', '_', '__', '-' and '/', found {_shown(repository)}"
    )


def _shown(text: str) -> str:
    """*text* quoted, its middle left out when it is long: users' input ends in logs and answers."""
    return repr(text) if len(text) <= _MOST_SHOWN else f"{text[:150]!r}…{text[-100:]!r}"
