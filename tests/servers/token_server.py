"""A token server for docker-registry's ``token`` authentication, as small as it can be.

``distribution.github.io/distribution/spec/auth/jwt``: a JWT signed with a certificate of which the registry
knows the authority.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER = "issuer of the tests"
SERVICE = "registry of the tests"


@dataclass(kw_only=True)
class TokenServer:
    """What it knows, and what it has been asked."""

    url: str
    bundle: Path
    users: dict[str, str] = field(default_factory=dict)
    public: set[str] = field(default_factory=set)
    """Repositories that anybody may pull."""
    identity_tokens: dict[str, str] = field(default_factory=dict)
    """Refresh tokens and whose they are."""
    life_s: int = 300
    get_allowed: bool = True
    asked: list[str] = field(default_factory=list)
    """Method and user of every request for a token."""

    @property
    def auth(self) -> Mapping[str, Any]:
        """For :func:`tests.servers.docker_registry.docker_registry`."""
        return {
            "token": {
                "realm": f"{self.url}/token",
                "service": SERVICE,
                "issuer": ISSUER,
                "rootcertbundle": str(self.bundle),
            }
        }


@contextmanager
def token_server(directory: Path) -> Iterator[TokenServer]:
    """A token server that answers, until the context ends."""
    directory.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    signer = authority.issue_cert("token-server.test", key_type=trustme.KeyType.ECDSA)
    bundle = directory / "bundle.pem"
    authority.cert_pem.write_to_path(bundle)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    known = TokenServer(url=f"http://127.0.0.1:{server.server_address[1]}", bundle=bundle)
    server.known = known  # type: ignore[attr-defined]
    server.signer = signer  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        known: TokenServer = self.server.known  # type: ignore[attr-defined]
        query = parse_qs(urlsplit(self.path).query)
        user = ""
        if "Authorization" in self.headers:
            user, _, password = base64.b64decode(self.headers["Authorization"].split()[1]).decode().partition(":")
            if known.users.get(user) != password:
                known.asked.append(f"GET {user} refused")
                return self._send(401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong password"}]})
        if not known.get_allowed:
            return self._send(405, {})
        known.asked.append(f"GET {user or 'anonymous'}")
        return self._grant(user, query.get("scope", [""])[0])

    def do_POST(self) -> None:
        known: TokenServer = self.server.known  # type: ignore[attr-defined]
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        told = {name: values[0] for name, values in form.items()}
        user = known.identity_tokens.get(told.get("refresh_token", ""), "")
        if told["grant_type"] == "password" and known.users.get(told["username"]) == told["password"]:
            user = told["username"]
        known.asked.append(f"POST {told['grant_type']} {user or 'refused'}")
        if not user:
            return self._send(401, {"errors": [{"code": "UNAUTHORIZED"}]})
        return self._grant(user, told["scope"], name="access_token")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Says nothing: the tests read what was asked."""

    def _grant(self, user: str, scope: str, name: str = "token") -> None:
        known: TokenServer = self.server.known  # type: ignore[attr-defined]
        kind, repository, actions = scope.rsplit(":", 2) if scope.count(":") >= 2 else ("", "", "")
        granted = actions.split(",") if user else ["pull"] if repository in known.public else []
        access = [{"type": kind, "name": repository, "actions": granted}] if granted else []
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": user,
            "aud": SERVICE,
            "exp": now + known.life_s,
            "nbf": now - 10,
            "iat": now,
            "jti": f"{now}",
            "access": access,
        }
        token = _signed(claims, self.server.signer)  # type: ignore[attr-defined]
        self._send(200, {name: token, "expires_in": known.life_s})

    def _send(self, status: int, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _signed(claims: Mapping[str, Any], signer: trustme.LeafCert) -> str:
    """A JSON Web Token (RFC 7515) by ES256, with the signer's certificate in it."""
    chain = [blob.bytes() for blob in signer.cert_chain_pems]
    certificate = x509.load_pem_x509_certificate(chain[0])
    der = certificate.public_bytes(serialization.Encoding.DER)
    header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
    signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
    key = serialization.load_pem_private_key(signer.private_key_pem.bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{_part(r.to_bytes(32) + s.to_bytes(32))}"


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
