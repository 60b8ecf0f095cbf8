"""The demonstration's own registry and gateway, in one private directory, gone with the process."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from demonstration.programs import SEARCH_PATH, output_of
from demonstration.telling import DemoFailed, show_tail
from imagegw_cli.client import Gateway
from imagegw_cli.up.ports import LOOPBACK, free_ports
from imagegw_cli.up.process import Process, Program

PLATFORM = "demo"
_START_S = 120.0
_PAUSE_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Everything that runs, and where it is."""

    directory: Path
    url: str
    registry: str
    """Host and port of the registry, which is a location's name too."""
    token_file: Path
    up: Process

    @property
    def image_dir(self) -> Path:
        return self.directory / "images"

    @property
    def logs(self) -> Path:
        return self.directory / "data" / "logs"

    @property
    def environ(self) -> dict[str, str]:
        """For the `imagegw` command."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("IMAGEGW_")}
        return {**kept, "IMAGEGW_URL": self.url, "IMAGEGW_TOKEN_FILE": str(self.token_file)}

    @property
    def gateway(self) -> Gateway:
        """The gateway, as the command line sees it."""
        return Gateway(self.url, self.token_file.read_text(encoding="ascii").strip())


@contextmanager
def workplace(directory: Path, *, host: str | None, **changes: Any) -> Iterator[Workplace]:
    """A registry and a gateway that answer, until the context ends.

    *host* is a registry of the network that images may come from too; *changes* are keys of the configuration.
    """
    # Other users pass through to their own directories (mongod and RabbitMQ do not run as root) but list nothing.
    directory.chmod(0o711)
    registry_port, gateway_port = free_ports(2)
    registry = f"{LOOPBACK}:{registry_port}"
    token = secrets.token_urlsafe(24)
    token_file = directory / "token"
    _write_private(token_file, token + "\n")
    config_file = directory / "imagemanager.json"
    configuration = _configuration(directory, gateway_port, registry, host, token) | changes
    _write_private(config_file, json.dumps(configuration, indent=2))
    for name in ("images", "store", "registry", "data"):
        (directory / name).mkdir()
        (directory / name).chmod(0o711)  # whatever the umask
    with _running(_registry(directory, registry), lambda: _answers(f"http://{registry}/v2/")):
        up = _up(directory, config_file)
        url = f"http://{LOOPBACK}:{gateway_port}"
        with _running(up, lambda: _answers(f"{url}/readyz")) as process:
            yield Workplace(directory=directory, url=url, registry=registry, token_file=token_file, up=process)


def push(place: Workplace, source: str, name: str) -> str:
    """Put an image into the registry; the reference that it has there."""
    reference = f"{place.registry}/{name}"
    output_of(
        "skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", source, f"docker://{reference}"
    )
    return reference


def _configuration(directory: Path, port: int, registry: str, host: str | None, token: str) -> dict[str, Any]:
    user = pwd.getpwuid(os.getuid())
    locations: dict[str, Any] = {registry: {"remotetype": "dockerv2", "url": f"http://{registry}"}}
    if host is not None:
        locations[host] = {"remotetype": "dockerv2"}
    digest = hashlib.sha256(token.encode()).hexdigest()
    return {
        "Locations": locations,
        "DefaultImageLocation": registry if host is None else host,
        "Platforms": {PLATFORM: {"accesstype": "local", "local": {"imageDir": str(directory / "images")}}},
        "CacheDirectory": str(directory / "store"),
        "PullDeadline": "30m",  # a registry that cannot be reached would be tried for a day
        "Listen": {"host": LOOPBACK, "port": port},
        "Authentication": ["token"],
        "Tokens": [{"sha256": digest, "user": user.pw_name, "uid": user.pw_uid, "gid": user.pw_gid}],
    }


def _registry(directory: Path, address: str) -> Program:
    configuration = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "registry")}},
        "http": {"addr": address, "secret": secrets.token_urlsafe(24)},
    }
    file = directory / "registry.json"  # JSON is YAML too
    _write_private(file, json.dumps(configuration))
    binary = output_of("which", "docker-registry").strip()
    return Program(
        name="docker-registry",
        argv=(binary, "serve", str(file)),
        environ={"PATH": SEARCH_PATH, "OTEL_TRACES_EXPORTER": "none"},
        log=directory / "registry.log",
    )


def _up(directory: Path, config_file: Path) -> Program:
    arguments = ("--config", str(config_file), "--data", str(directory / "data"))
    return Program(
        name="imagegw up",
        argv=(sys.executable, "-m", "imagegw_cli", "up", *arguments),
        environ={**os.environ, "no_proxy": f"{LOOPBACK},{os.environ.get('no_proxy', '')}"},
        log=directory / "up.log",
        stop_within_s=90.0,
    )


@contextmanager
def _running(program: Program, is_ready: Callable[[], bool]) -> Iterator[Process]:
    """The program, running and answering, until the context ends."""
    process = Process(program)
    process.start()
    try:
        give_up_at = time.monotonic() + _START_S
        while not is_ready():
            if not process.is_running or time.monotonic() > give_up_at:
                show_tail(program.log)
                raise DemoFailed(f"{program.name} did not start within {_START_S:.0f} s")
            time.sleep(_PAUSE_S)
        yield process
    finally:
        process.stop()


def _answers(url: str) -> bool:
    session = requests.Session()
    session.trust_env = False  # no proxy leads to this machine
    try:
        return session.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def _write_private(file: Path, content: str) -> None:
    file.touch(mode=0o600)
    file.write_text(content, encoding="utf-8")
