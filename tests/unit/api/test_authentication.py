"""Who a request is from."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from imagegw.config import Settings, parse
from imagegw.errors import NotAuthenticated
from imagegw_api.auth.table import METHODS, Authenticator


def settings(**changes: Any) -> Settings:
    token = {"sha256": hashlib.sha256(b"open sesame").hexdigest(), "user": "ci", "uid": 7, "gid": 8, "gids": [9, 8]}
    document = {
        "CacheDirectory": "/images/cache",
        "Locations": {"": {}},
        "Platforms": {"one": {"accesstype": "local", "local": {"imageDir": "/images"}}},
        "Tokens": [token],
        **changes,
    }
    return parse(document, {}, source="the file")


@pytest.mark.parametrize("value", [b"Bearer open sesame", b"bearer  open sesame ", b"BEARER open sesame"])
def test_a_known_token_is_its_user(value: bytes) -> None:
    caller = Authenticator(settings()).find_caller([(b"host", b"x"), (b"authorization", value)])

    assert caller is not None
    assert (caller.user, caller.uid, caller.gid, caller.gids, caller.method) == ("ci", 7, 8, (8, 9), "token")


@pytest.mark.parametrize(
    "value", [b"Bearer", b"Bearer ", b"Bearer \xff\xfe", b"Bearer open", b"Bearer " + b"x" * 9999]
)
def test_any_other_token_is_refused(value: bytes) -> None:
    with pytest.raises(NotAuthenticated):
        Authenticator(settings()).find_caller([(b"authorization", value)])


@pytest.mark.parametrize("headers", [[], [(b"authorization", b"Basic b3Blbjpz")], [(b"authorization", b"")]])
def test_no_token_is_no_caller(headers: list[tuple[bytes, bytes]]) -> None:
    assert Authenticator(settings()).find_caller(headers) is None


def test_a_method_that_the_site_does_not_accept_lets_nobody_in() -> None:
    assert "token" in METHODS
    authenticator = Authenticator(settings(Authentication=["munge"]))

    assert authenticator.find_caller([(b"authorization", b"Bearer open sesame")]) is None
