"""The clients of all the registries that the site's configuration allows."""

from __future__ import annotations

from collections.abc import Mapping

from imagegw.config.locations import Location, base_url
from imagegw.registry.client import RegistryClient
from imagegw.registry.login_files import read_site_login
from imagegw.registry.settings import InPlaceRetry, LocationSettings


def make_clients(locations: Mapping[str, Location], retry: InPlaceRetry) -> dict[str, RegistryClient]:
    """A client for each location, by the location's name; nothing is asked yet.

    Raises:
        ConfigurationInvalid: a file with a site's login cannot be read.
    """
    return {
        name: RegistryClient(client_settings(name, location), retry=retry) for name, location in locations.items()
    }


def client_settings(name: str, location: Location) -> LocationSettings:
    """What the client of the location of this name is told; raises as :func:`make_clients`."""
    certificate = location.client_certificate
    return LocationSettings(
        name=name,
        url=base_url(name, location),
        mirrors=location.mirrors,
        ca_file=location.ca_file,
        verify=not location.insecure,
        client_certificate=None if certificate is None else certificate.certificate,
        client_key=None if certificate is None else certificate.key,
        auth_method=location.auth_method,
        proxy=None if location.proxy is None else location.proxy.get_secret_value(),
        site_login=None if location.login_file is None else read_site_login(location.login_file, name),
        allow=location.allow,
        deny=location.deny,
        foreign_hosts=frozenset(location.foreign_hosts),
        connect_timeout_s=location.connect_timeout.total_seconds(),
        read_timeout_s=location.read_timeout.total_seconds(),
    )
