"""The `.meta` file that the runtime reads beside an image, byte for byte as it understands it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from imagegw.domain.acl import Acl
from imagegw.errors import RequestInvalid

_BLANKS = " \t\n\v\f\r"
"""What the runtime trims: C's isspace()."""
_BREAKS = "\n\r\0"
"""What would end a line, or the runtime's string, before its time."""
_MOST_WORDS = 1000
"""As many as the runtime makes room for when it joins ENTRY and CMD."""


@dataclass(frozen=True, kw_only=True)
class Meta:
    """What the runtime is told about an image: who may run it, and the image's own word on how."""

    image_format: str = "squashfs"
    acl: Acl | None
    """None: public."""
    entry: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    workdir: str = ""
    env: tuple[str, ...] = ()
    """`NAME=value`, in the image's order."""


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """The text of the file (written as UTF-8), and what could not be said in it."""

    text: str
    remarks: tuple[str, ...]


def render_meta(meta: Meta) -> Rendered:
    """The file for ``meta``; what it cannot express is left out, with a remark for each.

    The ACL stands before anything that comes from the image, so that no value can be read as one: a value
    with a line break is left out, and so is one whose last character would join the next line to it.

    Raises:
        RequestInvalid: the ACL admits nobody.
    """
    lines = [f"FORMAT: {meta.image_format}", *_acl_lines(meta.acl)]
    remarks: list[str] = []
    for key, words in (("ENTRY", meta.entry), ("CMD", meta.cmd)):
        _add(lines, remarks, key, *_list_line(key, words))
    _add(lines, remarks, "WORKDIR", *_workdir_line(meta.workdir))
    for variable in meta.env:
        name = variable.partition("=")[0]
        _add(lines, remarks, f"ENV {_shown(name)}", *_env_line(variable))
    return Rendered(text="".join(f"{line}\n" for line in lines), remarks=tuple(remarks))


def _add(lines: list[str], remarks: list[str], name: str, line: str | None, fault: str | None) -> None:
    if line is not None:
        lines.append(line)
    if fault is not None:
        remarks.append(f"{name}: {fault}")


def _acl_lines(acl: Acl | None) -> Iterator[str]:
    if acl is None:
        return
    if acl == Acl():  # without either line the runtime would let everybody in
        raise RequestInvalid("an ACL that admits nobody cannot be said in .meta")
    for key, ids in (("USERACL", acl.uids), ("GROUPACL", acl.gids)):
        if ids:
            yield f"{key}: " + ",".join(str(identity) for identity in ids)


def _list_line(key: str, words: tuple[str, ...]) -> tuple[str | None, str | None]:
    """The line for a list. The runtime knows no escapes, and a malformed list spoils the whole image."""
    if not words:
        return None, None
    if len(words) > _MOST_WORDS:
        return None, f"left out: it has {len(words)} words, the runtime takes {_MOST_WORDS}"
    for word in words:
        fault = _fault(word)
        if fault is None and "'" in word:
            fault = "it has a single quote, which the file cannot express"
        if fault is not None:
            return None, f"left out: {fault}"
    return f"{key}: [" + ", ".join(f"'{word}'" for word in words) + "]", None


def _workdir_line(workdir: str) -> tuple[str | None, str | None]:
    if not workdir:
        return None, None
    if workdir != workdir.strip(_BLANKS):
        return None, "left out: blanks at its ends would be lost, and it would be another directory"
    fault = _fault(workdir) or _fault_at_end(workdir)
    return (None, f"left out: {fault}") if fault is not None else (f"WORKDIR: {workdir}", None)


def _env_line(variable: str) -> tuple[str | None, str | None]:
    trimmed = variable.strip(_BLANKS)
    name, equals, value = trimmed.partition("=")
    fault = _fault(trimmed) or _fault_at_end(trimmed)
    if fault is None and not (name and equals):
        fault = "it is not NAME=value"
    if fault is None and not value:
        fault = "its value is empty, which the runtime ignores"
    if fault is not None:
        return None, f"left out: {fault}"
    return f"ENV: {trimmed}", None if trimmed == variable else "blanks at its ends are lost"


def _fault(text: str) -> str | None:
    if any(character in text for character in _BREAKS):
        return "it has a line break or a zero byte, which the file cannot express"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "it is not valid Unicode"
    return None


def _fault_at_end(text: str) -> str | None:
    return "it ends with a backslash, which would swallow the next line" if text.endswith("\\") else None


def _shown(name: str) -> str:
    shown = name if len(name) <= 60 else name[:60] + "…"  # noqa: PLR2004 -- as much as a line of a record bears
    return shown if shown.isprintable() else ascii(shown)
