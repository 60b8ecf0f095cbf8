"""Images, the queue and one pull as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

Json = dict[str, Any]
_ID_SHOWN = 12
_STYLES = {"READY": "green", "FAILURE": "red"}


def print_images(platform: str, images: Sequence[Json]) -> None:
    """One line an image and its tags."""
    console = Console(highlight=False)
    if not images:
        console.print(f"No images on {platform} that you may use. `imagegw pull REF` brings one.", markup=False)
        return
    table = _table("reference", "id", "size", "for", "last pull", "expires")
    for image in images:
        table.add_row(
            Text("\n".join(image["tags"])),
            Text(image["id"][:_ID_SHOWN]),
            _size(image["size_bytes"]),
            "everybody" if image["public"] else "some",
            _time(image["last_pull"]),
            _time(image["expires"]),
        )
    console.print(table)


def print_queue(platform: str, pulls: Sequence[Json]) -> None:
    """One line a pull, oldest first."""
    console = Console(highlight=False)
    if not pulls:
        console.print(f"Nothing is on its way to {platform}.", markup=False)
        return
    table = _table("reference", "status", "user", "since", "pull", "")
    for pull in pulls:
        table.add_row(
            Text(pull["reference"]),
            _status(pull["status"]),
            Text(pull["user"]),
            _time(pull["created"]),
            Text(pull["id"]),
            Text(_reason(pull)),
        )
    console.print(table)


def print_pull(pull: Json) -> None:
    """What a pull is, how far it has come, why it failed, and its history with the time that each entry took."""
    console = Console(highlight=False)
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(pull):
        facts.add_row(Text(name, style="dim"), value)
    console.print(facts)
    history = _table("when", "after", "status", "what", "where")
    for entry, after_s in _with_gaps(pull["created"], pull["history"]):
        history.add_row(
            _time(entry["at"]),
            f"{after_s:.1f} s",
            _status(entry["status"]),
            Text(entry["message"] or ""),
            Text(entry["host"]),
        )
    console.print(history)


def _facts(pull: Json) -> list[tuple[str, Text]]:
    facts = [
        ("pull", Text(pull["id"])),
        ("reference", Text(pull["reference"])),
        ("platform", Text(pull["platform"])),
        ("asked by", Text(f"{pull['user']} ({pull['uid']}) at {_time(pull['created'])}")),
        ("status", _status(pull["status"])),
    ]
    if pull["image_id"]:
        facts.append(("image", Text(pull["image_id"])))
    if pull["status_message"] and not pull["error"]:
        facts.append(("waits for", Text(pull["status_message"])))
    if pull["progress"]:
        facts.append(("bytes", Text(_bytes(pull["progress"]))))
    if pull["error"]:
        error = pull["error"]
        again = " Trying again can help." if error["can_retry"] else ""
        facts += [
            ("error", Text(f"{error['message']} [{error['code']}]")),
            ("what helps", Text(error["hint"] + again)),
        ]
    return facts


def _with_gaps(created: str, history: Sequence[Json]) -> list[tuple[Json, float]]:
    """Each entry with the seconds since the one before it; the first one since the pull was asked for."""
    times = [datetime.fromisoformat(each) for each in (created, *(entry["at"] for entry in history))]
    gaps = [(now - before).total_seconds() for before, now in pairwise(times)]
    return list(zip(history, gaps, strict=True))


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        # Ids, references and times are copied from here: they are never cut.
        table.add_column(name, overflow="fold", justify="right" if name in {"size", "after"} else "left")
    return table


def _status(status: str) -> Text:
    return Text(status, style=_STYLES.get(status, ""))


def _reason(pull: Json) -> str:
    error = pull["error"]
    return str(error["message"]) if error else str(pull["status_message"] or "")


def _bytes(progress: Json) -> str:
    total = progress["total_bytes"]
    done = _size(progress["done_bytes"])
    return done if total is None else f"{done} of {_size(total)}"


def _size(size_bytes: int | None) -> str:
    return "" if size_bytes is None else decimal(size_bytes)


def _time(text: str | None) -> str:
    """In the reader's own time zone, to the second."""
    if text is None:
        return ""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
