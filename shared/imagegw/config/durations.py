"""Durations as a site's file spells them: seconds, `d:h:m:s`, or `1d12h`."""

from __future__ import annotations

import math
import re
from datetime import timedelta

LONGEST = timedelta(days=36_500)
"""What is longer is a slip of the pen, and would overflow the dates that are computed with it."""

_COLONS = re.compile(r"([0-9]{1,9}):([0-9]{1,9}):([0-9]{1,9}):([0-9]{1,9})")
_UNITS = re.compile(r"(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?")
_SECONDS = re.compile(r"[0-9]{1,12}")


def parse_duration(value: object) -> timedelta:
    """The duration that ``value`` says.

    A number, or a string of digits, is seconds. Hours, minutes and seconds of `d:h:m:s` may exceed their
    usual range, as they could in the older gateway (``0:36:0:0`` is a day and a half); units stand in
    descending order, each at most once, without spaces.

    >>> parse_duration("90:00:00:00").days
    90
    >>> parse_duration("1h30m").total_seconds()
    5400.0

    Raises:
        ValueError: ``value`` is none of these, negative, or longer than a hundred years.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("not a duration")  # noqa: TRY004 -- one kind of refusal for callers
    duration = _from_text(value) if isinstance(value, str) else _from_number(value)
    if duration > LONGEST:
        raise ValueError("longer than a hundred years")
    return duration


def format_duration(duration: timedelta) -> str:
    """``duration`` in the shortest spelling that :func:`parse_duration` reads back (whole seconds).

    >>> format_duration(timedelta(hours=36))
    '1d12h'
    """
    seconds = int(duration.total_seconds())
    parts = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _from_number(value: float) -> timedelta:
    if not math.isfinite(value) or value < 0:
        raise ValueError("negative, or no number")
    if value > LONGEST.total_seconds():
        raise ValueError("longer than a hundred years")
    return timedelta(seconds=value)


def _from_text(text: str) -> timedelta:
    if _SECONDS.fullmatch(text):
        return _from_number(int(text))
    match = _COLONS.fullmatch(text) or _UNITS.fullmatch(text)
    if match is None or not text:
        raise ValueError("not a duration")
    days, hours, minutes, seconds = (int(part) if part is not None else 0 for part in match.groups())
    return timedelta(seconds=seconds + 60 * (minutes + 60 * (hours + 24 * days)))
