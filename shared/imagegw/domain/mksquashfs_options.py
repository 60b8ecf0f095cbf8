"""The older gateway's ``ConverterOptions``, raw mksquashfs arguments, as conversion options."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pydantic import ValidationError

from imagegw.domain.conversion import ConversionOptions
from imagegw.errors import ConfigurationInvalid, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NO_LONGER_NEEDED = frozenset({
    "-noappend", "-no-progress", "-progress", "-quiet", "-info", "-no-recovery", "-reproducible", "-exit-on-error",
})  # fmt: skip
"""Arguments about how the tool was run; the gateway runs it in its own way."""

_WITH_VALUE = {
    "-comp": "compressor",
    "-Xcompression-level": "level",
    "-b": "block_bytes",
    "-processors": "processors",
    "-mem": "memory_bytes",
}

_SWITCHES: dict[str, dict[str, str]] = {
    "-all-root": {"ownership": "root"},
    "-root-owned": {"ownership": "root"},
    "-no-xattrs": {"xattrs": "drop"},
    "-xattrs": {"xattrs": "keep"},
}

_EXPECTED = (
    f"one of {' '.join(sorted((*_WITH_VALUE, *_SWITCHES)))}; other mksquashfs arguments mean nothing to a gateway "
    "that makes the image from its layers, not from a directory: leave them out"
)
_PATH = "ConverterOptions.squashfs"
_SIZE_SUFFIXES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def with_converter_options(
    base: ConversionOptions, converter_options: Mapping[str, str | Sequence[str]]
) -> ConversionOptions:
    """Lay a site's ``ConverterOptions`` over ``base``.

    Args:
        base: what holds where the site says nothing.
        converter_options: the arguments by format, as one string or as a list.

    Raises:
        ConfigurationInvalid: names every format that there is not, every argument that means nothing here and
            every wrong value.
    """
    problems = [
        Problem(path="ConverterOptions", expected="arguments for the format squashfs", found=name)
        for name in converter_options
        if name != "squashfs"
    ]
    arguments = converter_options.get("squashfs", ())
    words = _split(arguments, problems) if isinstance(arguments, str) else list(arguments)
    chosen, policy = _understood(words, problems)
    if chosen.get("compressor", base.compressor) != base.compressor:
        chosen.setdefault("level", None)  # a level belongs to its compressor
    merged = base.model_dump() | chosen
    merged["policy"] = merged["policy"] | policy
    try:
        options = ConversionOptions.model_validate(merged)
    except ValidationError as error:
        problems += [
            Problem(path=_PATH, expected=_sentence(detail["msg"]), found=" ".join(words))
            for detail in error.errors(include_url=False)
        ]
    else:
        if not problems:
            return options
    raise ConfigurationInvalid.of("ConverterOptions", problems)


def _split(arguments: str, problems: list[Problem]) -> list[str]:
    try:
        return shlex.split(arguments)
    except ValueError as error:
        problems.append(Problem(path=_PATH, expected=f"arguments ({error})", found=arguments))
        return []


def _understood(words: Sequence[str], problems: list[Problem]) -> tuple[dict[str, object], dict[str, str]]:
    """Give the options and the policy that the arguments choose."""
    chosen: dict[str, object] = {}
    policy: dict[str, str] = {}
    remaining = iter(words)
    for word in remaining:
        if word in _WITH_VALUE:
            text = next(remaining, "")
            value = _value(word, text)
            if value is None:
                expected = f"a number after {word}" if word != "-comp" else f"a name after {word}"
                problems.append(Problem(path=_PATH, expected=expected, found=text or "the end"))
            else:
                chosen[_WITH_VALUE[word]] = value
        elif word in _SWITCHES:
            policy.update(_SWITCHES[word])
        elif word not in _NO_LONGER_NEEDED:
            problems.append(Problem(path=_PATH, expected=_EXPECTED, found=word))
    return chosen, policy


def _value(word: str, text: str) -> str | int | None:
    if word == "-comp":
        return text or None
    suffix = _SIZE_SUFFIXES.get(text[-1:].upper()) if word in {"-b", "-mem"} else None
    digits = text if suffix is None else text[:-1]
    if not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits) * (1 if suffix is None else suffix)


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ")
