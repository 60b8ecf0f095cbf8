"""Scripts for the scripted peer: a registry of one small image that is right but for what a test changes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from imagegw.domain.oci import OCI_MANIFEST
from tests.servers.scripted_http import Exchange, Script

_BLOB = re.compile(r"/v2/.+/blobs/(?P<digest>[^?]+)")
_MANIFEST = re.compile(r"/v2/.+/manifests/(?P<name>[^?]+)")
_RANGE = re.compile(r"bytes=(\d+)-\d*")


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@dataclass(kw_only=True)
class SmallRegistry:
    """An image with one layer, and what is to be answered instead of what is right.

    Used as the script of a peer. *instead* is looked up by a digest or tag, or by ``*`` for every request;
    each of its scripts is used up by one request, the last one stays.
    """

    layer: bytes
    instead: dict[str, list[Script]] = field(default_factory=dict)
    manifests: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    """Bodies and content types, by digest or tag."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    sent: int = 0
    """Bytes of the layer that have been sent, or at least tried to."""

    def __post_init__(self) -> None:
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": [digest_of(self.layer)]},
            }
        ).encode()
        self.blobs |= {digest_of(body): body for body in (config, self.layer)}
        self.add_manifest(
            "1",
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": described(config, "application/vnd.oci.image.config.v1+json"),
                "layers": [described(self.layer, "application/vnd.oci.image.layer.v1.tar")],
            },
        )

    def add_manifest(self, tag: str, document: Mapping[str, Any], content_type: str | None = None) -> str:
        """The digest of *document*, which the registry now has, also under *tag*."""
        body = json.dumps(document).encode()
        told = content_type or str(document.get("mediaType", OCI_MANIFEST))
        self.manifests |= {tag: (body, told), digest_of(body): (body, told)}
        return digest_of(body)

    def __call__(self, exchange: Exchange) -> None:
        target = exchange.request.target
        match = _BLOB.fullmatch(target) or _MANIFEST.fullmatch(target)
        name = "" if match is None else match[1]
        for key in (name, "*"):
            if self.instead.get(key):
                scripts = self.instead[key]
                script = scripts[0] if len(scripts) == 1 else scripts.pop(0)
                return script(exchange)
        return self.answer(exchange)

    def answer(self, exchange: Exchange) -> None:
        """What is right."""
        target = exchange.request.target
        if blob := _BLOB.fullmatch(target):
            self.send_blob(exchange, blob["digest"])
        elif manifest := _MANIFEST.fullmatch(target):
            self.send_manifest(exchange, manifest["name"])
        else:
            exchange.answer(404)

    def send_manifest(self, exchange: Exchange, name: str) -> None:
        if name not in self.manifests:
            error = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": f"no {name} here"}]}
            return exchange.answer(404, json.dumps(error).encode())
        body, content_type = self.manifests[name]
        headers = {"Content-Type": content_type, "Docker-Content-Digest": digest_of(body)}
        return exchange.answer(200, body, headers)

    def send_blob(self, exchange: Exchange, digest: str, *, stop_at: int | None = None) -> None:
        """The blob, or the range that was asked for; the connection ends at *stop_at*, if not before."""
        body = self.blobs[digest]
        wanted = _RANGE.fullmatch(exchange.request.headers.get("range", ""))
        start = 0 if wanted is None else int(wanted[1])
        headers = {"Content-Length": str(len(body) - start)}
        if wanted is not None:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        exchange.head(200 if wanted is None else 206, headers)
        piece = body[start:stop_at]
        self.sent += len(piece)
        exchange.send(piece)


def described(body: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    """The descriptor of *body*."""
    return {"mediaType": media_type, "digest": digest_of(body), "size": len(body), **more}


def answering(status: int, body: bytes = b"", **headers: str) -> Script:
    """A script that answers so; underscores in header names stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda exchange: exchange.answer(status, body, named)


def redirecting(to: Callable[[], str], status: int = 307) -> Script:
    """A script that redirects."""
    return lambda exchange: exchange.answer(status, b"", {"Location": to()})


class Guard:
    """Wants HTTP Basic for everything."""

    def __init__(self, behind: Script) -> None:
        self._behind = behind

    def __call__(self, exchange: Exchange) -> None:
        if "authorization" in exchange.request.headers:
            return self._behind(exchange)
        return exchange.answer(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})


class TokenRegistry:
    """Wants a token that it withdraws whenever a test says so, and hands out new ones itself."""

    def __init__(self, behind: Script) -> None:
        self.valid = 0
        self.handed_out = 0
        self.token_answer: Script | None = None
        self._behind = behind

    def __call__(self, exchange: Exchange) -> None:
        request = exchange.request
        if request.target.startswith("/token"):
            return (self.token_answer or self._hand_out)(exchange)
        if request.headers.get("authorization") == f"Bearer token-{self.valid}":
            return self._behind(exchange)
        challenge = f'Basic realm="x", Bearer realm="http://{request.headers["host"]}/token",service="s"'
        return exchange.answer(401, b"", {"WWW-Authenticate": challenge})

    def _hand_out(self, exchange: Exchange) -> None:
        self.handed_out += 1
        token = {"access_token": f"token-{self.valid}", "expires_in": 300}
        exchange.answer(200, json.dumps(token).encode())


def through(registry: SmallRegistry) -> Script:
    """As a proxy sees requests: the whole URL in the first line."""

    def script(exchange: Exchange) -> None:
        request = exchange.request
        path = "/" + request.target.split("/", 3)[3]
        inner = type(request)(method=request.method, target=path, headers=request.headers)
        exchange.request = inner
        registry(exchange)

    return script
