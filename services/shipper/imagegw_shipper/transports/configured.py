"""The transport to each platform, by its `accesstype`; a further kind is one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from imagegw.config.platforms import Platform
from imagegw.config.site import Settings
from imagegw.errors import ConfigurationInvalid
from imagegw_shipper.transports.local import LocalTransport
from imagegw_shipper.transports.port import Transport


def _local(platform: Platform) -> Transport:
    if platform.local is None:
        raise ConfigurationInvalid("a local platform needs local.imageDir")
    return LocalTransport(Path(platform.local.image_dir))


TRANSPORTS: dict[str, Callable[[Platform], Transport]] = {"local": _local}


def transports(settings: Settings) -> Mapping[str, Transport]:
    """A transport to every platform that can be reached by one of `TRANSPORTS`."""
    return {
        name: TRANSPORTS[platform.access_type](platform)
        for name, platform in settings.platforms.items()
        if platform.access_type in TRANSPORTS
    }
