"""A site's `Locations` as the registry clients' settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imagegw.config.locations import Location, base_url
from imagegw.config.secret_files import read_login
from imagegw.config.site import Settings
from imagegw.registry.client import RegistryClient
from imagegw.registry.settings import InPlaceRetry, LocationSettings, Login
from imagegw.retry import IN_PLACE_ATTEMPTS, IN_PLACE_FIRST_WAIT_S, IN_PLACE_LAST_WAIT_S

IN_PLACE = InPlaceRetry(
    attempts=IN_PLACE_ATTEMPTS, first_wait_s=IN_PLACE_FIRST_WAIT_S, last_wait_s=IN_PLACE_LAST_WAIT_S
)


def clients(settings: Settings) -> Mapping[str, RegistryClient]:
    """A client for every location that the site allows, by its name in the file.

    Raises:
        ConfigurationInvalid: a login file cannot be read.
    """
    return {
        name: RegistryClient(location_settings(name, location), retry=IN_PLACE)
        for name, location in settings.locations.items()
    }


def location_settings(name: str, location: Location) -> LocationSettings:
    """What a registry client needs of one location.

    Raises:
        ConfigurationInvalid: its login file cannot be read.
    """
    certificate = location.client_certificate
    return LocationSettings(
        name=name,
        url=base_url(name, location),
        mirrors=location.mirrors,
        ca_file=_path(location.ca_file),
        verify=not location.insecure,
        client_certificate=None if certificate is None else _path(certificate.certificate),
        client_key=None if certificate is None else _path(certificate.key),
        auth_method=location.auth_method,
        proxy=None if location.proxy is None else location.proxy.get_secret_value(),
        site_login=_site_login(location),
        allow=location.allow,
        deny=location.deny,
        foreign_hosts=frozenset(location.foreign_hosts),
        connect_timeout_s=location.connect_timeout.total_seconds(),
        read_timeout_s=location.read_timeout.total_seconds(),
    )


def _path(named: Path | str | None) -> Path | None:
    return None if named is None else Path(named)


def _site_login(location: Location) -> Login | None:
    path = _path(location.login_file)
    if path is None:
        return None
    login = read_login(path)
    return Login(user=login.username, password=login.password.get_secret_value())
