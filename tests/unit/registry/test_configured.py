"""From a location of the site's file to what its client is told."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from imagegw.config import Location
from imagegw.errors import ConfigurationInvalid, RegistryForbidden
from imagegw.registry.configured import client_settings, make_clients
from imagegw.registry.login_files import read_site_login
from imagegw.registry.settings import InPlaceRetry, LocationSettings, Login


def test_every_key_of_a_location_reaches_its_client(tmp_path: Path) -> None:
    (tmp_path / "login").write_text("robot:pass:word\n")
    location = Location.model_validate(
        {
            "url": "http://mirror.site.org:5000",
            "sslcacert": "/etc/ca.pem",
            "clientCertificate": {"certificate": "/etc/c.pem", "key": "/etc/k.pem"},
            "insecure": True,
            "authMethod": "basic",
            "mirrors": ["https://one.site.org", "https://two.site.org"],
            "proxy": "http://proxy.site.org:3128",
            "loginFile": str(tmp_path / "login"),
            "allow": ["team/*"],
            "deny": ["team/secret"],
            "foreignHosts": ["files.site.org"],
            "connectTimeout": 3,
            "readTimeout": 7,
        }
    )

    assert client_settings("site.org", location) == LocationSettings(
        name="site.org",
        url="http://mirror.site.org:5000",
        mirrors=("https://one.site.org", "https://two.site.org"),
        ca_file=Path("/etc/ca.pem"),
        verify=False,
        client_certificate=Path("/etc/c.pem"),
        client_key=Path("/etc/k.pem"),
        auth_method="basic",
        proxy="http://proxy.site.org:3128",
        site_login=Login(user="robot", password="pass:word"),
        allow=("team/*",),
        deny=("team/secret",),
        foreign_hosts=frozenset({"files.site.org"}),
        connect_timeout_s=3.0,
        read_timeout_s=7.0,
    )


def test_every_location_has_a_client_at_its_own_address() -> None:
    clients = make_clients({"": Location(), "quay.io": Location()}, InPlaceRetry())

    assert {name: client.settings.url for name, client in clients.items()} == {
        "": "https://registry-1.docker.io",
        "quay.io": "https://quay.io",
    }
    for client in clients.values():
        client.close()


@pytest.mark.parametrize(
    ("allow", "deny", "repository", "allowed"),
    [
        ((), (), "any/thing", True),
        (("team/*",), (), "team/a/b", True),
        (("team/*",), (), "other/a", False),
        ((), ("team/*",), "team/a", False),
        (("team/*",), ("team/secret",), "team/secret", False),
    ],
)
def test_allowed_and_denied_repositories(
    allow: tuple[str, ...], deny: tuple[str, ...], repository: str, allowed: bool
) -> None:
    settings = LocationSettings(name="x", url="https://x", allow=allow, deny=deny)
    if allowed:
        settings.check_repository(repository)
    else:
        with pytest.raises(RegistryForbidden, match=repository):
            settings.check_repository(repository)


def auth_file(tmp_path: Path, document: object) -> Path:
    path = tmp_path / "auth.json"
    path.write_text(json.dumps(document))
    return path


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize(
    ("location", "user"), [("", "hub"), ("docker.io", "hub"), ("quay.io", "quay"), ("site.org:5000", "<token>")]
)
def test_a_container_auth_file_is_searched_by_the_locations_name(tmp_path: Path, location: str, user: str) -> None:
    path = auth_file(
        tmp_path,
        {
            "auths": {
                "https://index.docker.io/v1/": auth("hub", "a:b"),
                "quay.io": auth("quay", "c"),
                "site.org:5000": auth("", "") | {"identitytoken": "t"},
            }
        },
    )

    assert read_site_login(path, location).user == user


@pytest.mark.parametrize(
    "document",
    [[], {}, {"auths": {}}, {"auths": {"x.org": {}}}, {"auths": {"x.org": {"auth": "&"}}}, {"auths": {"x.org": 5}}],
)
def test_a_file_without_a_login_is_a_wrong_configuration(tmp_path: Path, document: object) -> None:
    with pytest.raises(ConfigurationInvalid, match=r"auth\.json"):
        read_site_login(auth_file(tmp_path, document), "x.org")


def test_a_missing_file_is_a_wrong_configuration(tmp_path: Path) -> None:
    for name in ("auth.json", "login"):
        with pytest.raises(ConfigurationInvalid, match=name):
            read_site_login(tmp_path / name, "x.org")
