"""Lookup, list and queue as deployed clients send and read them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
import requests

from imagegw.domain.acl import Acl
from imagegw.domain.records import Pull, image_key
from imagegw.pipeline.desk import Desk
from tests.integration.api.application import Served
from tests.integration.api.wire_client import WireClient, read_record
from tests.integration.api.world import attempt, fail, let_pass, link, only_pull, read_image, stand, tag_it
from tests.servers.waiting import eventually

pytestmark = pytest.mark.integration

DIGEST = "sha256:" + "0" * 64


def names(response: requests.Response) -> list[list[str]]:
    return [record["tag"] for record in response.json()["list"]]


@pytest.mark.parametrize("name", ["ubuntu:24.04", "docker.io/library/ubuntu:24.04", f"team/app@{DIGEST}"])
@pytest.mark.parametrize("written", [lambda name: name, lambda name: quote(name, safe="")], ids=["bare", "encoded"])
@pytest.mark.parametrize("end", ["", "/"], ids=["no slash", "slash"])
def test_a_tag_is_found_however_it_is_written(served: Served, name: str, written: Any, end: str) -> None:
    stand(served.desk, "ab", name)

    record = read_record(served.get(f"/api/lookup/one/docker/{written(name)}{end}"))

    assert (record["id"], record["tag"], record["status"]) == ("ab", [name], "READY")


def test_a_tag_without_a_colon_means_latest(served: Served) -> None:
    stand(served.desk, "ab", "ubuntu:latest")

    assert read_record(served.get("/api/lookup/one/docker/ubuntu/"))["id"] == "ab"


def test_a_digest_is_found_by_clients_that_lose_the_at_sign(served: Served) -> None:
    stand(served.desk, "ab", f"app@{DIGEST}")

    assert read_record(served.get(f"/api/lookup/one/docker/app{DIGEST}/"))["id"] == "ab"


def test_tags_are_compared_as_typed(served: Served) -> None:
    stand(served.desk, "ab", "ubuntu:24.04")

    assert served.get("/api/lookup/one/docker/docker.io/ubuntu:24.04/").status_code == 404


def test_an_answer_is_indented_with_one_key_a_line(served: Served) -> None:
    stand(served.desk, "ab", "ubuntu:24.04")

    lines = served.get("/api/lookup/one/docker/ubuntu:24.04/").text.splitlines()

    assert lines[:3] == ["{", '  "id": "ab",', '  "system": "one",']
    assert '  "status": "READY",' in lines


def test_an_error_ends_with_its_status(served: Served) -> None:
    response = served.get("/api/lookup/one/docker/nothing:here/")

    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/json"
    assert response.text.splitlines()[-2:] == ['  "status": 404', "}"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/lookup/nowhere/docker/ubuntu/",
        "/api/lookup/one/id/ab/",
        "/api/lookup/one/docker/",
        "/api/lookup/one/docker/%00%ff%2e%2e%2f/",
        "/api/lookup/one/docker/" + "x" * 5000,
        "/api/list/nowhere/",
        "/api/queue/one%2Fx/",
        "/api/unheard/of",
        "/favicon.ico",
    ],
)
def test_what_is_not_there_is_a_404_in_the_clients_shape(served: Served, path: str) -> None:
    response = served.get(path)

    assert response.status_code == 404
    assert list(response.json()) == ["error", "message", "status"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/pull/one/docker/UPPER:x/", ""),
        ("/api/pull/one/docker/a:b:c/", ""),
        ("/api/pull/one/docker/..%2F..%2Fetc/", ""),
        ("/api/pull/one/docker/unknown.site:5000%2Fa/", ""),
        ("/api/pull/one/custom/mine/", ""),
        ("/api/pull/nowhere/docker/ubuntu/", ""),
        ("/api/pull/one/docker/ubuntu/", "{"),
        ("/api/pull/one/docker/ubuntu/", "[1]"),
        ("/api/pull/one/docker/ubuntu/", '{"allowed_uids": "root"}'),
        ("/api/pull/one/docker/ubuntu/", '{"allowed_uids": [4294967295]}'),
        ("/api/pull/one/docker/ubuntu/", "[" * 100_000),
    ],
)
def test_what_cannot_be_pulled_is_refused_in_the_clients_shape(served: Served, path: str, body: str) -> None:
    response = served.post(path, data=body)

    assert response.status_code == 404
    assert response.text.splitlines()[-2] == '  "status": 404'
    assert served.desk.database.pulls.count({}) == 0


@pytest.mark.parametrize("path", ["/api/lookup/one/docker/a/", "/api/list/one/", "/api/queue/one/", "/nothing"])
@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic x", "Bearer"])
def test_without_a_valid_credential_nothing_is_answered(
    served: Served, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    response = requests.get(served.url + path, headers=headers, timeout=30)

    assert response.status_code == 401
    assert response.text.splitlines()[-2] == '  "status": 401'


def test_a_platform_may_open_its_reading_calls_to_everybody(served: Served) -> None:
    stand(served.desk, "ab", "open:1", platform="two")
    stand(served.desk, "cd", "closed:1", platform="two", acl=Acl(uids=(1000,)))

    listed = requests.get(served.url + "/api/list/two/", timeout=30)
    found = requests.get(served.url + "/api/lookup/two/docker/open:1/", timeout=30)
    hidden = requests.get(served.url + "/api/lookup/two/docker/closed:1/", timeout=30)
    pulled = requests.post(served.url + "/api/pull/two/docker/open:1/", timeout=30)

    assert names(listed) == [["open:1"]]
    assert (found.status_code, hidden.status_code, pulled.status_code) == (200, 404, 401)


def test_health_is_told_to_everybody(served: Served) -> None:
    answers = [requests.get(served.url + path, timeout=30) for path in ("/", "/healthz", "/readyz")]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[2].json() == {"status": "ok", "database": "ok", "broker": "ok"}


def test_the_list_has_what_the_caller_may_read(served: Served) -> None:
    stand(served.desk, "ab", "open:1", "open:2")
    stand(served.desk, "cd", "mine:1", acl=Acl(uids=(1000,)))
    stand(served.desk, "ef", "ours:1", acl=Acl(uids=(1000,), gids=(1001,)))
    stand(served.desk, "99")
    stand(served.desk, "ab", "elsewhere:1", platform="two")

    assert names(served.get("/api/list/one/")) == [["open:1", "open:2"], ["mine:1"], ["ours:1"]]
    assert names(served.get("/api/list/one", "bob")) == [["open:1", "open:2"], ["ours:1"]]
    assert names(served.get("/api/list/one/", "root")) == [["open:1", "open:2"]]


def test_the_name_that_public_bytes_have_in_a_private_repository_is_not_told(served: Served) -> None:
    stand(served.desk, "ab", "open:1")
    tag_it(served.desk, "one:ab", "team/secret:1", public=False)

    assert read_record(served.get("/api/lookup/one/docker/open:1/", "bob"))["tag"] == ["open:1"]
    assert served.get("/api/lookup/one/docker/team/secret:1/", "bob").status_code == 404
    assert read_record(served.get("/api/lookup/one/docker/open:1/"))["tag"] == ["open:1", "team/secret:1"]


def test_another_ones_private_image_looks_like_one_that_is_not_there(served: Served) -> None:
    stand(served.desk, "ab", "mine:1", acl=Acl(uids=(1000,)))

    hidden = served.get("/api/lookup/one/docker/mine:1/", "bob")
    missing = served.get("/api/lookup/one/docker/none:1/", "bob")

    assert hidden.text.replace("mine", "none") == missing.text


def test_a_lookup_pushes_the_expiry_out_and_is_a_use(served: Served) -> None:
    stand(served.desk, "ab", "used:1")
    let_pass(served.desk, 3 * 24 * 3600)
    before = expiry(served.desk)

    served.get("/api/lookup/one/docker/used:1/")

    assert expiry(served.desk) - before > timedelta(days=2)  # two readings of the clock differ by a little
    eventually(lambda: served.desk.database.usage.count({"tag": "used:1", "user": "alice"}) == 1)


def test_a_second_lookup_writes_no_expiry(served: Served) -> None:
    stand(served.desk, "ab", "ubuntu:24.04")
    before = read_image(served.desk, image_key("one", "ab"))

    served.get("/api/lookup/one/docker/ubuntu:24.04/")

    assert read_image(served.desk, image_key("one", "ab")).rev == before.rev


def expiry(desk: Desk) -> Any:
    return read_image(desk, image_key("one", "ab")).expires


def test_an_image_that_expires_is_not_looked_up(served: Served) -> None:
    stand(served.desk, "ab", "ubuntu:24.04")
    served.desk.database.images.update({"_id": "one:ab"}, {"$set": {"state": "EXPIRING"}})

    assert served.get("/api/lookup/one/docker/ubuntu:24.04/").status_code == 404


def test_the_queue_names_live_pulls_and_young_failures(served: Served) -> None:
    for name in ("old:1", "failed:1", "live:1"):
        WireClient(served=served, path=f"/api/pull/one/docker/{name}/").poll()
    fail(served.desk, only_pull(served.desk, tag="old:1"))
    let_pass(served.desk, 301)
    fail(served.desk, only_pull(served.desk, tag="failed:1"))

    queue = served.get("/api/queue/one/").json()["list"]

    assert queue == [{"status": "FAILURE", "image": "failed:1"}, {"status": "PENDING", "image": "live:1"}]


def test_a_pull_whose_privacy_is_not_known_is_in_its_requesters_queue_only(served: Served) -> None:
    WireClient(served=served).poll()

    assert len(served.get("/api/queue/one/").json()["list"]) == 1
    assert served.get("/api/queue/one/", "bob").json() == {"list": []}
    link(served.desk, only_pull(served.desk), "ab")
    assert len(served.get("/api/queue/one/", "bob").json()["list"]) == 1


def test_a_private_pull_is_in_the_queue_of_whom_its_image_will_admit(served: Served) -> None:
    stand(served.desk, "ab", acl=Acl(uids=(1000, 1001)))
    served.desk.insert(attempt(served.desk, "mine:1"))
    link(served.desk, only_pull(served.desk), "ab", public=False)

    assert len(served.get("/api/queue/one/", "bob").json()["list"]) == 1
    assert served.get("/api/queue/one/", "root").json() == {"list": []}


def test_pulls_wait_when_their_user_has_enough_under_way(served: Served) -> None:
    for number in range(17):
        WireClient(served=served, path=f"/api/pull/one/docker/image:{number}/").poll()
    WireClient(served=served, user="bob").poll()

    waiting = list(served.desk.find(Pull, {"status": "INIT"}))
    assert [pull.tag for pull in waiting] == ["image:16", "ubuntu:24.04"]
