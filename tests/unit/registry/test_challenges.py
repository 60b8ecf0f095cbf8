"""``WWW-Authenticate``, against a library that reads it too."""

from __future__ import annotations

import authchallenge
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegw.registry.challenges import Challenge, parse_challenges

token = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,8}", fullmatch=True)
quoted = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=15)
parameters = st.dictionaries(token.map(str.lower), quoted, min_size=1, max_size=4)


def bearer(**parameters: str) -> Challenge:
    return Challenge(scheme="bearer", parameters=parameters)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ("Basic", [Challenge(scheme="basic")]),
        ('Bearer realm="https://a/t"', [bearer(realm="https://a/t")]),
        ('BEARER REALM="x" , Service = y', [bearer(realm="x", service="y")]),
        (
            'Bearer realm="https://a/t",service="a",scope="repository:a/b:pull,push"',
            [bearer(realm="https://a/t", service="a", scope="repository:a/b:pull,push")],
        ),
        (
            'Basic realm="a, b", Bearer realm="c"',
            [Challenge(scheme="basic", parameters={"realm": "a, b"}), bearer(realm="c")],
        ),
        (r'Bearer realm="a\"b\\c"', [bearer(realm='a"b\\c')]),
        (
            "Negotiate YWJj==, Basic",
            [Challenge(scheme="negotiate", token="YWJj=="), Challenge(scheme="basic")],
        ),
        (', , Basic realm="x",', [Challenge(scheme="basic", parameters={"realm": "x"})]),
        ('Bearer realm="one",realm="two"', [bearer(realm="one")]),
    ],
)
def test_challenges_are_read(header: str, expected: list[Challenge]) -> None:
    assert parse_challenges(header) == expected


@given(st.lists(st.tuples(token, parameters), min_size=1, max_size=3))
def test_a_library_reads_the_same(challenges: list[tuple[str, dict[str, str]]]) -> None:
    def written(value: str) -> str:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    header = ", ".join(
        f"{scheme} " + ", ".join(f"{name}={written(value)}" for name, value in values.items())
        for scheme, values in challenges
    )
    theirs = [(found.scheme.lower(), dict(found.params or {})) for found in authchallenge.parse_challenges(header)]

    assert [(found.scheme, dict(found.parameters)) for found in parse_challenges(header)] == theirs


@given(st.text(max_size=80))
def test_no_header_makes_it_fail(header: str) -> None:
    assert all(challenge.scheme for challenge in parse_challenges(header))
