"""Who may talk to the gateway: tokens, and who may import."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from imagegw.config.section import Section
from imagegw.config.values import AsList, Id, Sha256, Text, wrong

AuthenticationMethod = Literal["munge", "token"]
ImportUsers = Literal["all"] | tuple[str, ...]


class Token(Section):
    """A service that authenticates by `Authorization: Bearer …`, and whom it acts as."""

    sha256: Sha256 = Field(alias="sha256", description="sha256 of the token, in hex")
    user: Text = Field(alias="user", description="user name")
    uid: Id = Field(alias="uid", description="user id")
    gid: Id = Field(alias="gid", description="group id")
    gids: Annotated[tuple[Id, ...], AsList] = Field(
        default=(),
        alias="gids",
        description="further group ids",
    )


def _import_users(value: object) -> ImportUsers:
    if value is None or value == "none":
        return ()
    if value == "all":
        return "all"
    if isinstance(value, list | tuple) and all(isinstance(name, str) and name.strip() for name in value):
        return tuple(value)
    raise wrong('"all", "none", or a list of user names')


ImportUsersValue = Annotated[ImportUsers, BeforeValidator(_import_users)]
