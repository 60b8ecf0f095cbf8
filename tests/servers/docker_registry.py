"""A private docker-registry on a free port of the loopback, its data in a directory of the test's."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = "docker-registry"
_START_S = 20.0
_ACCESS = re.compile(r'"([A-Z]+) (\S+) HTTP/1\.1" (\d{3}) ')
"""A line of its access log, which unlike its own log has the refused requests too."""


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """PEM files of a server; with *client_authority*, clients must show a certificate of it."""

    certificate: Path
    key: Path
    client_authority: Path | None = None


@dataclass(frozen=True, kw_only=True)
class DockerRegistry:
    """One that runs."""

    url: str
    directory: Path

    @property
    def host(self) -> str:
        """Host and port, as they stand in a reference."""
        return self.url.partition("://")[2]

    def blob_path(self, digest: str) -> Path:
        """Where the registry has a blob; tests spoil and remove them."""
        encoded = digest.partition(":")[2]
        return self.directory / "docker/registry/v2/blobs/sha256" / encoded[:2] / encoded / "data"

    def requests(self) -> list[str]:
        """Method, path and status of every request that has been answered, in order."""
        log = (self.directory / "log").read_text()
        return [" ".join(match.groups()) for match in _ACCESS.finditer(log)]


def is_installed() -> bool:
    """Whether this machine can run one."""
    return shutil.which(PROGRAM) is not None


@contextmanager
def docker_registry(
    directory: Path, *, auth: Mapping[str, Any] | None = None, tls: TlsFiles | None = None
) -> Iterator[DockerRegistry]:
    """A registry that answers, until the context ends.

    *auth* is the section of that name of its configuration (``htpasswd`` or ``token``).
    """
    directory.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    configuration = directory / "config.json"
    configuration.write_text(json.dumps(_configuration(directory, port, auth, tls)))
    log = (directory / "log").open("wb")
    process = subprocess.Popen(
        [PROGRAM, "serve", str(configuration)], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        _wait_for_port(port, process)
        scheme = "http" if tls is None else "https"
        yield DockerRegistry(url=f"{scheme}://127.0.0.1:{port}", directory=directory)
    finally:
        process.terminate()
        process.wait()
        log.close()


def _configuration(
    directory: Path, port: int, auth: Mapping[str, Any] | None, tls: TlsFiles | None
) -> dict[str, Any]:
    """JSON, which is YAML too."""
    http: dict[str, Any] = {"addr": f"127.0.0.1:{port}", "secret": "of the tests"}
    if tls is not None:
        http["tls"] = {"certificate": str(tls.certificate), "key": str(tls.key)}
        if tls.client_authority is not None:
            http["tls"]["clientcas"] = [str(tls.client_authority)]
    configuration: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "info", "formatter": "json"},
        "storage": {"filesystem": {"rootdirectory": str(directory)}, "delete": {"enabled": True}},
        "http": http,
    }
    return configuration if auth is None else configuration | {"auth": dict(auth)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    pause = threading.Event()
    for _ in range(int(_START_S / 0.05)):
        if process.poll() is not None:
            raise RuntimeError(f"{PROGRAM} ended with {process.returncode} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            pause.wait(0.05)
        else:
            return
    raise RuntimeError(f"{PROGRAM} does not listen")
