"""The runtime's rules for reading `.meta`, written from the wire contract: the oracle of the tests."""

from __future__ import annotations

from dataclasses import dataclass, field

BLANKS = b" \t\n\v\f\r"
MOST_IDS = 1000


class RuntimeAborted(Exception):
    """The runtime would not start this image."""


@dataclass(kw_only=True)
class Understood:
    """What the runtime makes of a file."""

    order: list[str] = field(default_factory=list)
    image_format: str | None = None
    uids: list[int] | None = None
    gids: list[int] | None = None
    entry: list[str] | None = None
    cmd: list[str] | None = None
    workdir: str | None = None
    env: dict[str, str] = field(default_factory=dict)

    @property
    def is_public(self) -> bool:
        return self.uids is None and self.gids is None


def read_as_the_runtime(content: bytes) -> Understood:
    """Lines `KEY: value`; a final backslash joins the next line, `#` begins a comment, a zero ends all."""
    understood = Understood()
    for line in _logical_lines(content):
        if line.startswith(b"#") or not line:
            continue
        key, colon, value = line.partition(b":")
        if not colon:
            raise RuntimeAborted(line)
        _assign(understood, key.strip(BLANKS).decode(), value.strip(BLANKS))
    return understood


def _logical_lines(content: bytes) -> list[bytes]:
    lines: list[bytes] = []
    joined = b""
    for line in content.split(b"\n"):
        trimmed = line.partition(b"\0")[0].strip(BLANKS)
        if trimmed.endswith(b"\\"):
            joined += trimmed[:-1]
            continue
        lines.append(joined + trimmed)
        joined = b""
    return lines


def _assign(understood: Understood, key: str, value: bytes) -> None:
    understood.order.append(key)
    text = value.decode()
    match key:
        case "FORMAT":
            understood.image_format = text
        case "USERACL":
            understood.uids = _ids(text)
        case "GROUPACL":
            understood.gids = _ids(text)
        case "ENTRY":
            understood.entry = _words(text)
        case "CMD":
            understood.cmd = _words(text)
        case "WORKDIR":
            understood.workdir = text
        case "ENV":
            name, equals, content = text.partition("=")
            if equals and content:
                understood.env[name] = content
        case _:
            raise RuntimeAborted(f"a warning in every container: {key}")


def _ids(text: str) -> list[int] | None:
    if not text:
        return None
    parts = text.split(",")
    if len(parts) > MOST_IDS or not all(part.isascii() and part.isdigit() for part in parts):
        raise RuntimeAborted(text)
    return [int(part) for part in parts]


def _words(text: str) -> list[str]:
    """`['a', 'b']`, without escapes: what stands between two quotes is a word."""
    if not (text.startswith("['") and text.endswith("']")):
        raise RuntimeAborted(text)
    pieces = text[1:-1].split("'")
    if len(pieces) % 2 == 0 or any(piece != ", " for piece in pieces[2:-1:2]):
        raise RuntimeAborted(text)
    return pieces[1::2]
