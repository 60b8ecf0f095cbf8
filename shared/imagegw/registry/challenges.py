"""``WWW-Authenticate``, read as RFC 9110 section 11.6.1 writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 -- the grammar's word for a word
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))")
_SCHEME = re.compile(rf"({_TOKEN})(?:\s+|(?=,|$))")
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))')
_SEPARATOR = re.compile(r"[\s,]*")


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """One way in which a server wants to be convinced."""

    scheme: str
    """In lower case."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case, values without their quotes."""
    token: str | None = None
    """What stands in place of parameters in some schemes."""


def parse_challenges(header: str) -> list[Challenge]:
    """All challenges of *header*, in order; reading ends where the grammar is left.

    >>> [c.scheme for c in parse_challenges('Bearer realm="https://a/t",service="a", Basic realm="x, y"')]
    ['bearer', 'basic']
    """
    found: list[Challenge] = []
    position = _skip(header, 0)
    while (scheme := _SCHEME.match(header, position)) is not None:
        challenge, position = _read_one(header, scheme)
        found.append(challenge)
        position = _skip(header, position)
    return found


def _read_one(header: str, scheme: re.Match[str]) -> tuple[Challenge, int]:
    """The challenge of *scheme*, and where it ends."""
    name, position = scheme[1].lower(), scheme.end()
    token68 = _TOKEN68.match(header, position)
    if token68 is not None and _PARAMETER.match(header, position) is None:
        return Challenge(scheme=name, token=token68[0]), token68.end()
    parameters: dict[str, str] = {}
    while (parameter := _PARAMETER.match(header, position)) is not None:
        quoted, bare = parameter[2], parameter[3]
        value = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        parameters.setdefault(parameter[1].lower(), value)
        position = _skip(header, parameter.end())
    return Challenge(scheme=name, parameters=parameters), position


def _skip(header: str, position: int) -> int:
    match = _SEPARATOR.match(header, position)
    return position if match is None else match.end()
