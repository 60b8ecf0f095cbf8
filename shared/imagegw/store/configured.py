"""The store that a site's configuration names; a further kind is one line here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from imagegw.config.site import Settings
from imagegw.errors import ConfigurationInvalid
from imagegw.store.directory import DirectoryStore


def _directory(settings: Settings) -> DirectoryStore:
    if settings.cache_directory is None:
        raise ConfigurationInvalid("a store of the kind directory needs CacheDirectory")
    return DirectoryStore(Path(settings.cache_directory))


STORES: dict[str, Callable[[Settings], DirectoryStore]] = {"directory": _directory}


def open_store(settings: Settings) -> DirectoryStore:
    """The site's store.

    Raises:
        ConfigurationInvalid: a kind that there is not.
    """
    kind = settings.store.kind
    if kind not in STORES:
        raise ConfigurationInvalid(f"Store.kind: expected one of {', '.join(sorted(STORES))}, found {kind}")
    return STORES[kind](settings)
