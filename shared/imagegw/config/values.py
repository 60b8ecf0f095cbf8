"""The kinds of value that stand in a site's file, each refused in words that a reader can act on."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from imagegw.config.durations import parse_duration
from imagegw.config.sizes import parse_size

_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*"
)
_PLATFORM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ARCHITECTURE = re.compile(r"(?:linux/)?([a-z0-9_]+)(?:/(v[0-9]+))?")
LARGEST_ID = 2**32 - 2
"""2³²-1 is the kernel's, and the runtime's, word for "no id"."""


def wrong(expected: str) -> PydanticCustomError:
    """The error of a value that is not as ``expected``; what was found is said by who reports it."""
    return PydanticCustomError("wrong_value", "expected {expected}", {"expected": expected})


def is_host(text: str) -> bool:
    """Whether ``text`` is a host name or an address, with or without a port."""
    try:
        parts = urlsplit(f"//{text}")
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if parts.netloc != text or "@" in text or text.endswith(":") or parts.hostname is None or not port_is_right:
        return False
    return is_bare_host(parts.hostname)


def is_bare_host(text: str) -> bool:
    """Whether ``text`` is a host name or an address, without a port."""
    if _HOST_NAME.fullmatch(text):
        return True
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    try:
        return parse_duration(value)
    except ValueError:
        raise wrong("a duration: seconds, d:h:m:s, or as 1d12h") from None


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise wrong("a duration longer than zero")
    return value


def _size(value: object) -> int:
    try:
        return parse_size(value)
    except ValueError:
        raise wrong("a size: bytes, or a number with B, KB, MB, GB, TB, KiB, MiB, GiB or TiB") from None


def _absolute_path(value: object) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise wrong("an absolute path")
    return Path(value)


def _list(value: object) -> object:
    if isinstance(value, list | tuple):
        return tuple(value)
    raise wrong("a list")


def _list_or_one(value: object) -> object:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple):
        return tuple(value)
    raise wrong("a string or a list of strings")


def _not_blank(value: str) -> str:
    if not value.strip() or value != value.strip():
        raise wrong("text without blanks around it")
    return value


def _host(value: str) -> str:
    if not is_host(value):
        raise wrong("a host name or address, with or without :port")
    return value


def _bare_host(value: str) -> str:
    if not is_bare_host(value):
        raise wrong("a host name or address, without a port")
    return value


def _platform_name(value: str) -> str:
    if not _PLATFORM_NAME.fullmatch(value):
        raise wrong("a name of letters, digits, dot, dash and underscore (at most 63)")
    return value


def _architecture(value: str) -> str:
    match = _ARCHITECTURE.fullmatch(value)
    if match is None:
        raise wrong("an architecture in the registries' words, as amd64, arm64 or arm/v7")
    return match[1] if match[2] is None else f"{match[1]}/{match[2]}"


def _sha256(value: str) -> str:
    if not _SHA256.fullmatch(value):
        raise wrong("a sha256: 64 lower-case hex digits")
    return value


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return parts.scheme in schemes and bool(host) and not any(character.isspace() for character in text)


def _web_url(value: str) -> str:
    if not _is_url(value, ("http", "https")) or "@" in urlsplit(value).netloc:
        raise wrong("a URL that starts with https:// or http://, without a login in it")
    return value.rstrip("/")


def _secret_url(*schemes: str) -> Callable[[SecretStr], SecretStr]:
    def check(value: SecretStr) -> SecretStr:
        if not _is_url(value.get_secret_value(), schemes):
            raise wrong("a URL that starts with " + " or ".join(f"{scheme}://" for scheme in schemes))
        return value

    return check


def _mongodb_uri(value: SecretStr) -> SecretStr:
    # Several hosts, with ports, stand in one URI: no URL in the sense of urlsplit().port.
    scheme, _, rest = value.get_secret_value().partition("://")
    hosts = rest.partition("/")[0].rpartition("@")[2]
    if scheme not in {"mongodb", "mongodb+srv"} or not all(hosts.split(",")) or " " in hosts:
        raise wrong("a URI that starts with mongodb:// or mongodb+srv:// and names a host")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
PositiveDuration = Annotated[timedelta, AfterValidator(_positive), BeforeValidator(_duration)]
Size = Annotated[int, BeforeValidator(_size)]
Count = Annotated[int, Field(ge=1)]
Id = Annotated[int, Field(ge=0, le=LARGEST_ID)]
AbsolutePath = Annotated[Path, BeforeValidator(_absolute_path)]
Text = Annotated[str, AfterValidator(_not_blank)]
Host = Annotated[str, AfterValidator(_host)]
BareHost = Annotated[str, AfterValidator(_bare_host)]
Port = Annotated[int, Field(ge=1, le=65_535)]
PlatformName = Annotated[str, AfterValidator(_platform_name)]
Architecture = Annotated[str, AfterValidator(_architecture)]
Sha256 = Annotated[str, AfterValidator(_sha256)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
ProxyUrl = Annotated[SecretStr, AfterValidator(_secret_url("http", "https", "socks5", "socks5h"))]
AmqpUrl = Annotated[SecretStr, AfterValidator(_secret_url("amqp", "amqps"))]
MongoUri = Annotated[SecretStr, AfterValidator(_mongodb_uri)]

AsList = BeforeValidator(_list)
"""A JSON list as a tuple."""
AsListOrOne = BeforeValidator(_list_or_one)
"""A JSON list of strings, or one string, as a tuple."""
Texts = Annotated[tuple[Text, ...], AsListOrOne]
