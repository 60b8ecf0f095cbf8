"""Records as deployed clients read them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from imagegw.domain.acl import Acl
from imagegw.domain.records import Failure, Image, Pull, RunConfig, Tag
from imagegw.domain.status import ImageState, PullStatus
from imagegw_api.wire import records

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEYS = [
    "id",
    "system",
    "itype",
    "tag",
    "status",
    "userACL",
    "groupACL",
    "ENV",
    "ENTRY",
    "WORKDIR",
    "LABELS",
    "last_pull",
    "status_message",
]
PULL = Pull(
    id="p1",
    platform="one",
    type="docker",
    tag="ubuntu:latest",
    uid=1000,
    gid=500,
    user="alice",
    status=PullStatus.PENDING,
    live=True,
    created=NOW,
    deadline=NOW + timedelta(days=1),
)
IMAGE = Image(
    id="one:ab",
    platform="one",
    image_id="ab",
    state=ImageState.READY,
    acl=Acl(uids=(1000, 1001), gids=(500,)),
    last_pull=NOW,
    run_config=RunConfig(
        env=("PATH=/bin", 'X="status": "READY"'),
        entrypoint=("/bin/sh", "-c"),
        workdir="/srv",
        labels=(("status", "FAILURE"), ('a"\n"status": "b', "c")),
    ),
)
TAG = Tag(
    id="one/docker/ubuntu:latest",
    platform="one",
    type="docker",
    tag="ubuntu:latest",
    image="one:ab",
    digest="ab",
    manifest_digest=None,
    repository="/library/ubuntu",
    public=False,
    resolved_at=NOW,
)
FAILURE = Failure(code="manifest_unknown", message="no such image", hint="look", can_retry=False)

RECORDS = {
    "image": records.of_image(IMAGE, [TAG], kind="docker"),
    "bare image": records.of_image(replace(IMAGE, acl=None, run_config=None, last_pull=None), [], kind="docker"),
    "in flight": records.of_pull(PULL),
    "linked": records.of_pull(replace(PULL, image="one:ab", status=PullStatus.PULLING), "the registry is busy"),
    "failed": records.of_pull(replace(PULL, live=None, status=PullStatus.FAILURE, error=FAILURE, ended=NOW)),
    "ended": records.of_pull(replace(PULL, live=None, status=PullStatus.READY, image="one:ab", ended=NOW)),
    "unknown": records.unknown("one", "docker", "the database does not answer"),
}


def rendered(record: records.WireRecord) -> str:
    return orjson.dumps(record, option=orjson.OPT_INDENT_2).decode()


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_every_key_is_there_and_none_is_null(record: records.WireRecord) -> None:
    assert list(record) == KEYS
    assert "null" not in rendered(record)


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_the_first_line_with_a_status_is_the_records_own(record: records.WireRecord) -> None:
    lines = [line.strip() for line in rendered(record).splitlines()]
    first = next(line for line in lines if line.startswith('"status":'))

    assert first == f'"status": "{record["status"]}",'


def test_a_time_has_a_fraction() -> None:
    assert f'"last_pull": {NOW.timestamp():.1f},' in rendered(RECORDS["image"])


def test_an_image_tells_what_it_was_told_to_run() -> None:
    record = RECORDS["image"]

    assert (record["id"], record["tag"], record["status"]) == ("ab", ["ubuntu:latest"], "READY")
    assert (record["userACL"], record["groupACL"]) == ([1000, 1001], [500])
    assert record["ENTRY"] == ["/bin/sh", "-c"]
    assert json.loads(rendered(record))["LABELS"]["status"] == "FAILURE"


def test_an_attempt_in_flight_has_no_tag_and_its_reason() -> None:
    record = RECORDS["linked"]

    assert (record["id"], record["tag"]) == ("ab", [])
    assert (record["status"], record["status_message"]) == ("PULLING", "the registry is busy")


def test_a_failure_says_why() -> None:
    assert RECORDS["failed"]["status_message"] == "no such image"


def test_the_last_key_of_an_error_is_its_status() -> None:
    lines = rendered(records.of_error(404, "not_found", "no such image")).splitlines()

    assert lines[-2] == '  "status": 404'
    assert lines[1] == '  "error": "not_found",'
