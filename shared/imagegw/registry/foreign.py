"""Layers that a manifest says are elsewhere: only over https, and only from hosts that the site allows.

A manifest is anybody's, so a URL in it can aim at the inside of the site's network; hence no redirect leaves
the allowed hosts either, and no credential goes along.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from imagegw.domain.oci import Descriptor
from imagegw.errors import RegistryForbidden
from imagegw.registry.answers import meaning_of
from imagegw.registry.blobs import READABLE, BlobStream, ResponseStream, range_header
from imagegw.registry.settings import LocationSettings
from imagegw.registry.transport import Transport, host_of


class ForeignSource:
    """Foreign layers by the rules of one location."""

    def __init__(
        self,
        settings: LocationSettings,
        transport: Transport,
        *,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._monotonic = monotonic
        self._now = now

    def open_blob(self, descriptor: Descriptor, offset: int) -> BlobStream:
        """The layer from the first of its URLs that is allowed.

        Raises:
            RegistryForbidden: none is.
        """
        url = self._choose(descriptor)
        headers = range_header(descriptor, offset)
        response = self._transport.exchange("GET", url, headers=headers, may_ask=self._check)
        if response.status_code not in READABLE:
            raise meaning_of(response, asked=url, what=f"the foreign layer {descriptor.digest}", now=self._now())
        try:
            return ResponseStream(
                response,
                descriptor,
                offset,
                settings=self._settings,
                monotonic=self._monotonic,
            )
        except BaseException:
            response.close()
            raise

    def _choose(self, descriptor: Descriptor) -> str:
        for url in descriptor.urls:
            if self._is_allowed(url):
                return url
        hosts = ", ".join(sorted({host_of(url) for url in descriptor.urls}))
        raise RegistryForbidden(f"the layer {descriptor.digest} is at {hosts:.200}, which the site does not allow")

    def _check(self, url: str) -> None:
        if not self._is_allowed(url):
            raise RegistryForbidden(
                f"a foreign layer is redirected to {host_of(url):.200}, which the site does not allow"
            )

    def _is_allowed(self, url: str) -> bool:
        parts = urlsplit(url)
        return (
            parts.scheme == "https"
            and parts.username is None
            and (parts.hostname in self._settings.foreign_hosts or parts.netloc in self._settings.foreign_hosts)
        )
