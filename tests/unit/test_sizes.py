"""Sizes: bytes, or a number with a unit that means one thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegw.config.sizes import format_size, parse_size


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (0, 0),
        (42, 42),
        ("42", 42),
        ("42B", 42),
        ("500MB", 500_000_000),
        ("4GiB", 4 * 2**30),
        ("4 GiB", 4 * 2**30),
    ],
)
def test_each_spelling_is_read(written: object, meant: int) -> None:
    assert parse_size(written) == meant


@pytest.mark.parametrize("written", ["", "4G", "4gib", "-1", "1.5GiB", "GiB", " 4GiB", -1, 1.0, True, None, []])
def test_anything_else_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(written)


@given(st.integers(min_value=0, max_value=2**49))
def test_what_is_formatted_is_read_back(size_bytes: int) -> None:
    assert parse_size(format_size(size_bytes)) == size_bytes
