"""What a registry client is told about its registry, in plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from imagegw.errors import RegistryForbidden


@dataclass(frozen=True, kw_only=True)
class Login:
    """Somebody's account at a registry. It shows itself without its secret."""

    user: str
    """A user name; or ``<token>``, as Docker's tools write it, if the password is an identity token."""
    password: str = field(repr=False)

    @property
    def is_identity_token(self) -> bool:
        """Whether the password is an OAuth2 refresh token rather than a password."""
        return self.user == "<token>"


@dataclass(frozen=True, kw_only=True)
class InPlaceRetry:
    """How one short call is tried again at once; what is longer is the step's own matter."""

    attempts: int = 3
    first_wait_s: float = 0.2
    last_wait_s: float = 2.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Sizes above which an answer is refused, before it is read."""

    manifest_bytes: int = 4 << 20
    """The distribution specification's own recommendation."""
    config_bytes: int = 8 << 20
    token_bytes: int = 1 << 20
    index_depth: int = 3
    """How many indexes may stand in each other; none that tools write has more than two."""


@dataclass(frozen=True, kw_only=True)
class LocationSettings:
    """One registry and how it is reached."""

    name: str
    """The key under ``Locations``; for messages."""
    url: str
    """Scheme, host and perhaps port; http only if the configuration says so."""
    mirrors: tuple[str, ...] = ()
    """Other places with the same repositories, asked first, in this order."""
    ca_file: Path | None = None
    """Authorities to trust in place of the host's."""
    verify: bool = True
    """Whether the registry's certificate is checked at all."""
    client_certificate: Path | None = None
    client_key: Path | None = None
    auth_method: Literal["token", "basic"] | None = None
    """The only kind of challenge to answer; None: what the registry asks for."""
    proxy: str | None = field(default=None, repr=False)
    """In place of the environment's; it may hold a password."""
    site_login: Login | None = None
    """The site's own account, against rate limits; never used to find out whether a user may read."""
    allow: tuple[str, ...] = ()
    """Patterns of repositories; if there are any, no others are pulled."""
    deny: tuple[str, ...] = ()
    """Patterns of repositories that are never pulled."""
    foreign_hosts: frozenset[str] = frozenset()
    """Hosts (``host`` or ``host:port``) that layers' own ``urls`` may name."""
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    """Longest silence within an answer."""
    least_bytes_per_s: int = 1024
    """A transfer slower than this over ``slow_after_s`` is broken off and resumed."""
    slow_after_s: float = 60.0
    limits: Limits = field(default_factory=Limits)

    def check_repository(self, repository: str) -> None:
        """Nothing, if the site lets its users pull from *repository*.

        Raises:
            RegistryForbidden: a pattern denies it, or none allows it.
        """
        denied = any(fnmatchcase(repository, pattern) for pattern in self.deny)
        allowed = not self.allow or any(fnmatchcase(repository, pattern) for pattern in self.allow)
        if denied or not allowed:
            raise RegistryForbidden(
                f"the site's configuration does not allow {repository} at the location {self.name!r}"
            )
