"""One HTTP exchange with a registry: certificates, proxies, timeouts, and redirects that do not leak.

An ``Authorization`` header is for the host that it was made for: a redirect that leaves it goes without
(storage behind a registry refuses it anyway, or would be told a secret). The environment's proxies and
certificate bundle are used, its ``.netrc`` is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from imagegw.errors import RegistryFailed, RegistryMisbehaved, RegistryUnreachable
from imagegw.registry.settings import LocationSettings

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_POOL_SIZE = 32
"""Connections that are kept open; more may be made."""


class Transport:
    """Exchanges with one location's hosts; safe for several threads."""

    def __init__(self, settings: LocationSettings) -> None:
        self._settings = settings
        self._session = _make_session(settings)

    def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
        may_ask: Callable[[str], None] = lambda _: None,
    ) -> requests.Response:
        """The answer after all redirects, its body unread; the caller closes it.

        *may_ask* is called with every URL before it is asked, and may raise.

        Raises:
            RegistryUnreachable: no connection came about.
            RegistryFailed: it broke, or nothing was answered in time.
            RegistryMisbehaved: redirects without end, or to where it is not safe to go.
        """
        sent = dict(headers)
        for _ in range(_MOST_REDIRECTS + 1):
            may_ask(url)
            response = self._send(method, url, sent, form)
            target = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or target is None:
                return response
            response.close()
            if form is not None:
                raise RegistryMisbehaved(f"{host_of(url)} redirects a request for a token")
            onward = _checked_redirect(url, target)
            if origin_of(onward) != origin_of(url):
                sent.pop("Authorization", None)
            url = onward
        raise RegistryMisbehaved(f"{host_of(url)} redirects more than {_MOST_REDIRECTS} times")

    def close(self) -> None:
        """Ends the connections that are kept open."""
        self._session.close()

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> requests.Response:
        settings = self._settings
        proxies = None if settings.proxy is None else {"http": settings.proxy, "https": settings.proxy}
        verify = str(settings.ca_file) if settings.verify and settings.ca_file else settings.verify
        try:
            return self._session.request(
                method,
                url,
                headers=headers,
                data=form,
                proxies=proxies,
                verify=verify,
                timeout=(settings.connect_timeout_s, settings.read_timeout_s),
                allow_redirects=False,
                stream=True,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise _translate(error, url) from error


def host_of(url: str) -> str:
    """Host and port of *url*, for messages: a presigned URL's path and query are secrets."""
    return urlsplit(url).netloc.rpartition("@")[2]


def origin_of(url: str) -> tuple[str, str | None, int | None]:
    """What two URLs must share for a credential to go from one to the other (RFC 6454)."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise RegistryMisbehaved(
            f"expected a URL with a port from 1 to 65535, found {host_of(url)!r:.150}"
        ) from error
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}.get(parts.scheme)


def _checked_redirect(url: str, target: str) -> str:
    try:
        onward = urljoin(url, target)
        scheme = urlsplit(onward).scheme
    except ValueError as error:
        raise RegistryMisbehaved(f"{host_of(url)} redirects to what is no URL") from error
    if scheme not in {"http", "https"} or (scheme == "http" and urlsplit(url).scheme == "https"):
        raise RegistryMisbehaved(f"{host_of(url)} redirects from https to {scheme or 'nowhere'}")
    return onward


def _translate(error: Exception, url: str) -> RegistryUnreachable | RegistryFailed | RegistryMisbehaved:
    host = host_of(url)
    if isinstance(error, requests.exceptions.SSLError):
        return RegistryUnreachable(f"no trusted connection to {host}: {_root(error)}")
    if isinstance(error, requests.ConnectTimeout):
        return RegistryUnreachable(f"{host} does not answer")
    if isinstance(error, requests.ReadTimeout):
        return RegistryFailed(f"{host} took the request and did not answer in time")
    if isinstance(error, requests.exceptions.ProxyError):
        return RegistryUnreachable(f"no way to {host} through the proxy: {_root(error)}")
    if isinstance(error, requests.exceptions.InvalidSchema | requests.exceptions.InvalidProxyURL):
        # URLs have been checked before, so it is the proxy; SOCKS needs a package that is an extra of ours.
        return RegistryUnreachable(f"no way to {host} through a proxy of this kind; SOCKS needs the extra `socks`")
    if isinstance(error, requests.ConnectionError):
        return RegistryUnreachable(f"no connection to {host}: {_root(error)}")
    if isinstance(error, (ValueError, urllib3.exceptions.LocationParseError)):
        return RegistryMisbehaved(f"{host} cannot be asked: {type(error).__name__}")
    return RegistryFailed(f"the connection to {host} broke: {_root(error)}")


def _root(error: BaseException) -> str:
    """The innermost cause in a few words; urllib3's own messages hold whole URLs."""
    seen: BaseException = error
    for _ in range(8):
        inner = getattr(seen, "reason", None) or next((a for a in seen.args if isinstance(a, BaseException)), None)
        if not isinstance(inner, BaseException):
            break
        seen = inner
    if isinstance(seen, OSError) and seen.strerror:
        return seen.strerror
    verify_message = getattr(seen, "verify_message", None)
    return str(verify_message or type(seen).__name__)


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Takes the place where requests would look into ``.netrc``."""
    return request


class _Session(requests.Session):
    """Leaves redirects alone: requests would read their whole body first, of whatever size, to look ahead."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


def _make_session(settings: LocationSettings) -> requests.Session:
    session = _Session()
    session.auth = _no_credentials
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"User-Agent": "imagegw", "Accept-Encoding": "identity"})
    if settings.client_certificate is not None:
        key = settings.client_key or settings.client_certificate
        session.cert = (str(settings.client_certificate), str(key))
    if not settings.verify:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    adapter = HTTPAdapter(pool_maxsize=_POOL_SIZE, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
