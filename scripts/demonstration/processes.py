"""The processes below `imagegw up`, by what they are."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

SERVICES = ("api", "puller", "converter", "shipper")


@dataclass(frozen=True, kw_only=True)
class Running:
    """One process."""

    pid: int
    label: str
    """A service's name, `mongod`, `rabbitmq`, or `program of service` for what a service started."""
    is_head: bool
    """Whether it is the service (or server) itself and not a process that this one started."""


def tree_below(root: int) -> list[Running]:
    """All descendants of *root*, its children first."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            children[parent].append(int(entry.name))
    found: list[Running] = []
    for child in children[root]:
        service = _service(child)
        if service is not None:
            found += _descend(child, service, children, is_head=True)
    return found


def _descend(pid: int, service: str, children: dict[int, list[int]], *, is_head: bool) -> list[Running]:
    name = _program(pid)
    is_other = service in SERVICES and not name.startswith("python")
    found = [Running(pid=pid, label=f"{name} of {service}" if is_other else service, is_head=is_head)]
    for child in children[pid]:
        found += _descend(child, service, children, is_head=False)
    return found


def _service(pid: int) -> str | None:
    """What a child of `imagegw up` is; None: it is just starting or ending."""
    words = _words(pid)
    if words[-3:-1] == ["-m", "imagegw_cli"] and words[-1] in SERVICES:
        return words[-1]
    if any(word.endswith("/mongod") for word in words[:1]):
        return "mongod"
    return "rabbitmq" if any("rabbit" in word for word in words) else None


def _program(pid: int) -> str:
    words = _words(pid)
    return Path(words[0]).name if words else ""


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def _parent(entry: Path) -> int | None:
    try:
        after_name = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
    except OSError:
        return None
    return int(after_name.split()[1])
