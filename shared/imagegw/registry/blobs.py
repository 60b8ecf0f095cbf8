"""A blob's bytes from where one likes, verified by whoever reads them to the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Protocol, Self

import requests

from imagegw.domain.oci import Descriptor
from imagegw.errors import BlobCorrupt, RegistryMisbehaved
from imagegw.registry.body import interrupt, stream_body
from imagegw.registry.settings import LocationSettings
from imagegw.registry.transport import host_of

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")
READABLE = frozenset({200, 206})


class BlobStream(Protocol):
    """Bytes of a blob, on their way."""

    @property
    def offset(self) -> int:
        """Where the first byte stands in the blob: what was asked for, or 0 if the server cannot resume."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def chunks(self) -> Iterator[bytes]:
        """The bytes from the offset on, as they come.

        Raises:
            RegistryFailed: they break off; opening again where they ended may help.
        """

    def interrupt(self) -> None:
        """Wakes another thread that waits in :meth:`chunks`; to be called from any thread."""


class BlobSource(Protocol):
    """Where an image's blobs can be read."""

    def open_blob(self, descriptor: Descriptor, offset: int = 0) -> BlobStream:
        """The blob's bytes from *offset* on, or from the beginning.

        Raises:
            BlobCorrupt: the registry's blob has another size.
        """


class ResponseStream:
    """A blob as the body of an HTTP answer."""

    def __init__(
        self,
        response: requests.Response,
        descriptor: Descriptor,
        offset: int,
        *,
        settings: LocationSettings,
        monotonic: Callable[[], float],
    ) -> None:
        self._response = response
        self._settings = settings
        self._monotonic = monotonic
        self.offset = _first_byte(response, descriptor, offset)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def chunks(self) -> Iterator[bytes]:
        return stream_body(self._response, self._settings, self._monotonic)

    def interrupt(self) -> None:
        interrupt(self._response)


def range_header(descriptor: Descriptor, offset: int) -> dict[str, str]:
    """The request for what comes after *offset* (RFC 9110 section 14.2)."""
    return {"Range": f"bytes={offset}-{descriptor.size_bytes - 1}"} if offset > 0 else {}


def _first_byte(response: requests.Response, descriptor: Descriptor, offset: int) -> int:
    """Where the answer begins, which must be where it was asked to or at 0; its size must be the blob's."""
    host = host_of(response.url)
    if response.status_code == HTTPStatus.OK:
        told = response.headers.get("Content-Length", "")
        if told.isdigit() and int(told[:19]) != descriptor.size_bytes:
            raise BlobCorrupt(
                f"expected {descriptor.size_bytes} bytes of {descriptor.digest}, {host} has {told[:19]}"
            )
        return 0
    value = response.headers.get("Content-Range", "")
    match = _CONTENT_RANGE.fullmatch(value.strip())
    expected = (str(offset), str(descriptor.size_bytes - 1))
    if match is None or match.groups()[:2] != expected or match[3] not in {"*", str(descriptor.size_bytes)}:
        raise RegistryMisbehaved(
            f"expected bytes {offset}-{descriptor.size_bytes - 1} of {descriptor.size_bytes} of "
            f"{descriptor.digest}, {host} sends {value!r:.60}"
        )
    return offset
