"""`Locations`: the registries that a site allows, and how each is reached."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from imagegw.config.section import Section
from imagegw.config.values import (
    AbsolutePath,
    AsList,
    Host,
    PositiveDuration,
    ProxyUrl,
    Texts,
    WebUrl,
)
from imagegw.domain.reference import DOCKER_HUB_NAMES, is_docker_hub

DOCKER_HUB_URL = "https://registry-1.docker.io"


class ClientCertificate(Section):
    """What the gateway shows a registry that asks for a certificate."""

    certificate: AbsolutePath = Field(alias="certificate", description="PEM file with the certificate (chain)")
    key: AbsolutePath = Field(alias="key", description="PEM file with its key, readable by the gateway only")


class Location(Section):
    """One registry. The key under `Locations` is its name in references."""

    remote_type: Literal["dockerv2"] = Field(
        default="dockerv2", alias="remotetype", description="kind of registry; there is one"
    )
    authentication: Literal["http", "none"] = Field(
        default="http", alias="authentication", description="of the older gateway; means nothing now"
    )
    auth_method: Literal["token", "basic"] | None = Field(
        default=None,
        alias="authMethod",
        description="which challenge to answer; without it what the registry asks for",
    )
    url: WebUrl | None = Field(
        default=None, alias="url", description="the registry's address, if it is not https:// and the name"
    )
    ca_file: AbsolutePath | None = Field(
        default=None,
        alias="sslcacert",
        description="PEM file of the authorities that the registry's is one of",
    )
    client_certificate: ClientCertificate | None = Field(
        default=None, alias="clientCertificate", description="certificate to show to the registry"
    )
    insecure: bool = Field(default=False, alias="insecure", description="do not check the registry's certificate")
    mirrors: Annotated[tuple[WebUrl, ...], AsList] = Field(
        default=(), alias="mirrors", description="addresses that are asked first, in this order"
    )
    proxy: ProxyUrl | None = Field(
        default=None, alias="proxy", description="proxy for this registry; without it the environment's"
    )
    login_file: AbsolutePath | None = Field(
        default=None,
        alias="loginFile",
        description="file with the site's own login: one line user:password, or a container `auth.json`",
    )
    allow: Texts = Field(
        default=(),
        alias="allow",
        description="patterns of repositories (`team/*`); if any, no others are pulled",
    )
    deny: Texts = Field(default=(), alias="deny", description="patterns of repositories that are never pulled")
    foreign_hosts: Annotated[tuple[Host, ...], AsList] = Field(
        default=(), alias="foreignHosts", description="hosts that layers' own `urls` may name"
    )
    connect_timeout: PositiveDuration = Field(
        default=timedelta(seconds=10), alias="connectTimeout", description="for a connection to come about"
    )
    read_timeout: PositiveDuration = Field(
        default=timedelta(seconds=60), alias="readTimeout", description="between two chunks of an answer"
    )


def find_location(locations: Mapping[str, Location], name: str) -> tuple[str, Location] | None:
    """The location that ``name`` means, with the name under which the file has it.

    Docker Hub is found under any of its names; its own spelling goes first.
    """
    if name in locations:
        return name, locations[name]
    if is_docker_hub(name):
        for spelling in sorted(DOCKER_HUB_NAMES & locations.keys()):
            return spelling, locations[spelling]
    return None


def base_url(name: str, location: Location) -> str:
    """The address that the location of this name is asked at, without `/v2`."""
    if not is_docker_hub(name):
        return f"https://{name}" if location.url is None else location.url
    # Sites write Docker Hub's web address, or its index; the registry answers at one host only.
    if location.url is None or urlsplit(location.url).hostname in DOCKER_HUB_NAMES | {"hub.docker.com"}:
        return DOCKER_HUB_URL
    return location.url
