"""`Platforms`: the clusters that images go to, who administers them, and how they are reached."""

from __future__ import annotations

import platform
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from imagegw.config.section import Section
from imagegw.config.values import (
    AbsolutePath,
    Architecture,
    AsList,
    AsListOrOne,
    BareHost,
    Text,
    Texts,
    wrong,
)

_MACHINES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
}
_NEVER_READ = frozenset({"usergroupService", "mountCommand"})


def host_architecture() -> str:
    """This host's architecture in the registries' words; amd64 where they have none for it."""
    return _MACHINES.get(platform.machine(), "amd64")


class LocalAccess(Section):
    """A cluster whose file system the gateway's hosts mount."""

    means_nothing: ClassVar[frozenset[str]] = _NEVER_READ

    image_dir: AbsolutePath = Field(alias="imageDir", description="directory of the images")


class SshAccess(Section):
    """A cluster that is reached by SFTP."""

    means_nothing: ClassVar[frozenset[str]] = _NEVER_READ

    username: Text = Field(alias="username", description="account on the cluster's hosts")
    key: AbsolutePath | None = Field(
        default=None, alias="key", description="private key; without it those of the gateway's own account"
    )
    image_dir: AbsolutePath = Field(alias="imageDir", description="directory of the images, on the cluster")
    ssh_options: Texts = Field(
        default=(), alias="sshCmdOptions", description="OpenSSH arguments of the older gateway"
    )
    scp_options: Texts = Field(
        default=(), alias="scpCmdOptions", description="OpenSSH arguments of the older gateway"
    )


class Platform(Section):
    """One cluster. The key under `Platforms` is its name, `system` in the clients' words."""

    means_nothing: ClassVar[frozenset[str]] = _NEVER_READ

    access_type: Literal["local", "remote"] = Field(
        alias="accesstype", description="`local`: its file system is mounted here; `remote`: by SFTP"
    )
    munge_socket: AbsolutePath | None = Field(
        default=None,
        alias="mungeSocketPath",
        description="munged's socket; without it libmunge's own default",
    )
    admins: Texts = Field(
        default=(), alias="admins", description="user names, a list or one; without it nobody is admin"
    )
    local: LocalAccess | None = Field(
        default=None, alias="local", validate_default=True, description="needed if `accesstype` is `local`"
    )
    hosts: Annotated[tuple[BareHost, ...], AsListOrOne] = Field(
        default=(),
        alias="host",
        validate_default=True,
        description="hosts to reach it by, all are used; needed if `accesstype` is `remote`",
    )
    ssh: SshAccess | None = Field(
        default=None, alias="ssh", validate_default=True, description="needed if `accesstype` is `remote`"
    )
    architecture: Architecture = Field(
        default_factory=host_architecture,
        alias="architecture",
        description="which of an image's variants is pulled, as amd64 or arm/v7; if left out the host's",
    )
    anonymous: Annotated[tuple[Literal["lookup", "list", "queue"], ...], AsList] = Field(
        default=(),
        alias="anonymous",
        description="calls that are answered without a credential (public images)",
    )
    policy_file: AbsolutePath | None = Field(
        default=None,
        alias="policy_file",
        description="signature policy; **not enforced**, which is warned of",
    )
    use_external: bool = Field(
        default=False, alias="use_external", description="of the older gateway; means nothing now"
    )

    @field_validator("local", "hosts", "ssh")
    @classmethod
    def _is_there_if_needed(cls, value: object, info: ValidationInfo) -> object:
        access = info.data.get("access_type")
        needed = {"local": "local", "hosts": "remote", "ssh": "remote"}[str(info.field_name)]
        if access == needed and not value:
            raise wrong(f"a value, since accesstype is {access}")
        return value
