"""The older gateway's ``ConverterOptions``, raw mksquashfs arguments, as conversion options."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pydantic import ValidationError

from imagegw.domain.conversion import ConversionOptions
from imagegw.errors import ConfigurationInvalid

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

_SIZE_SUFFIXES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def with_converter_options(
    base: ConversionOptions, converter_options: Mapping[str, str | Sequence[str]]
) -> ConversionOptions:
    """Lay a site's ``ConverterOptions`` over ``base``.

    Args:
        base: what holds where the site says nothing.
        converter_options: the arguments by format, as one string or as a list.

    Raises:
        ConfigurationInvalid: a format that there is not, an argument that means nothing here, a wrong value.
    """
    unknown = sorted(set(converter_options) - {"squashfs"})
    if unknown:
        message = f"ConverterOptions.{unknown[0]}: expected the format squashfs, found {unknown[0]}"
        raise ConfigurationInvalid(message)
    arguments = converter_options.get("squashfs", ())
    words = _split(arguments) if isinstance(arguments, str) else list(arguments)
    return _apply(base, words)


def _split(arguments: str) -> list[str]:
    try:
        return shlex.split(arguments)
    except ValueError as error:
        message = f"ConverterOptions.squashfs: cannot be split into arguments ({error}): {arguments}"
        raise ConfigurationInvalid(message) from error


def _apply(base: ConversionOptions, words: Sequence[str]) -> ConversionOptions:
    chosen: dict[str, object] = {}
    policy: dict[str, str] = {}
    remaining = iter(words)
    for word in remaining:
        if word in _WITH_VALUE:
            chosen[_WITH_VALUE[word]] = _value(word, next(remaining, None))
        elif word in _SWITCHES:
            policy.update(_SWITCHES[word])
        elif word not in _NO_LONGER_NEEDED:
            raise ConfigurationInvalid(_refusal(word))
    if chosen.get("compressor", base.compressor) != base.compressor:
        chosen.setdefault("level", None)
    merged = base.model_dump() | chosen
    merged["policy"] = merged["policy"] | policy
    try:
        return ConversionOptions.model_validate(merged)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        message = f"ConverterOptions.squashfs: {first['msg']} (in {' '.join(words)})"
        raise ConfigurationInvalid(message) from error


def _value(word: str, text: str | None) -> str | int:
    if text is None:
        message = f"ConverterOptions.squashfs: {word} needs a value, found the end of the arguments"
        raise ConfigurationInvalid(message)
    if word == "-comp":
        return text
    suffix = _SIZE_SUFFIXES.get(text[-1:].upper()) if word in {"-b", "-mem"} else None
    digits = text if suffix is None else text[:-1]
    if not (digits.isascii() and digits.isdigit()):
        message = f"ConverterOptions.squashfs: {word} needs a number, found {text}"
        raise ConfigurationInvalid(message)
    return int(digits) * (1 if suffix is None else suffix)


def _refusal(word: str) -> str:
    known = " ".join(sorted((*_WITH_VALUE, *_SWITCHES)))
    return (
        f"ConverterOptions.squashfs: {word} means nothing to this gateway, which writes the image from the layers "
        f"and not from a directory; understood are {known}; leave {word} out"
    )
