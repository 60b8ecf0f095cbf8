"""`/api/v1`: pulls made, watched and cancelled; images, queue and platforms."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pydantic import SecretStr

from imagegw.config.secret_files import secret_keys
from imagegw.domain.acl import Acl
from imagegw.domain.records import Pull
from imagegw.logins import Logins
from tests.integration.api.application import Served
from tests.integration.api.world import fail, link, only_pull, stand

pytestmark = pytest.mark.integration

UBUNTU = {"platform": "one", "reference": "ubuntu:24.04"}


def create(served: Served, user: str = "alice", key: str | None = None, **fields: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return served.post("/api/v1/pulls", user, json={**UBUNTU, **fields}, headers=headers)


def test_a_pull_is_made_and_found_where_it_was_said_to_be(served: Served) -> None:
    made = create(served)

    assert made.status_code == 202
    found = served.get(made.headers["Location"]).json()
    assert found["id"] == made.json()["id"] == only_pull(served.desk).id
    assert (found["status"], found["reference"], found["history"]) == ("PENDING", "ubuntu:24.04", [])
    assert served.announced == [("resolve", "pull", found["id"])]


def test_what_the_requester_has_under_way_is_not_begun_twice(served: Served) -> None:
    assert create(served).json()["id"] == create(served).json()["id"]
    assert create(served, "bob").json()["id"] != create(served).json()["id"]


def test_an_idempotency_key_makes_one_pull_even_after_it_has_ended(served: Served) -> None:
    first = create(served, key="once").json()["id"]
    fail(served.desk, only_pull(served.desk))

    assert create(served, key="once").json()["id"] == first
    assert create(served, key="twice").json()["id"] != first
    assert create(served, "bob", key="once").json()["id"] != first


def test_an_idempotency_key_of_another_pull_is_refused(served: Served) -> None:
    create(served, key="once")

    refused = create(served, key="once", reference="debian:13")
    assert (refused.status_code, refused.json()["code"]) == (400, "request_invalid")


def test_a_login_is_kept_for_that_pull_and_location_only(served: Served) -> None:
    login = {"user": "alice", "password": "a:b\u00e9"}
    made = create(served, reference="registry.site:5000/team/app", login=login)

    logins = Logins(served.desk.database.secrets, secret_keys(served.settings))
    assert logins.read(made.json()["id"], "registry.site:5000") == SecretStr("alice:a:b\u00e9")
    assert logins.read(made.json()["id"], "") is None
    assert "a:b" not in str(served.desk.database.secrets.find({}))
    assert "a:b" not in made.text


def test_the_login_of_a_pull_that_joins_a_live_one_replaces_that_ones(served: Served) -> None:
    create(served, login={"user": "alice", "password": "old"})
    create(served, login={"user": "alice", "password": "new"})

    logins = Logins(served.desk.database.secrets, secret_keys(served.settings))
    assert logins.read(only_pull(served.desk).id, "") == SecretStr("alice:new")
    assert served.desk.database.secrets.count({}) == 1


def test_an_acl_is_kept(served: Served) -> None:
    create(served, allowed_uids=[1001, 1000], allowed_gids=[7])

    assert only_pull(served.desk).wish == Acl(uids=(1000, 1001), gids=(7,))


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"platform": "nowhere"}, 404, "platform_unknown"),
        ({"reference": "Not A Reference"}, 400, "reference_invalid"),
        ({"reference": ""}, 422, "request_invalid"),
        ({"reference": 7}, 422, "request_invalid"),
        ({"allowed_uids": [-1]}, 422, "request_invalid"),
        ({"allowed_uids": "1000"}, 422, "request_invalid"),
        ({"surprise": 1}, 422, "request_invalid"),
        ({"login": {"user": "a:b", "password": "x"}}, 422, "request_invalid"),
    ],
)
def test_a_wrong_request_is_refused_with_a_code(
    served: Served, fields: dict[str, Any], status: int, code: str
) -> None:
    refused = create(served, **fields)

    assert refused.status_code == status
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert (refused.json()["status"], refused.json()["code"]) == (status, code)
    assert refused.json()["detail"]


def test_a_refusal_does_not_show_a_password(served: Served) -> None:
    refused = create(served, login={"user": "alice", "password": ["hunter2"]})

    assert refused.status_code == 422
    assert "hunter2" not in refused.text


def test_a_failed_pull_is_explained(served: Served) -> None:
    location = create(served).headers["Location"]
    fail(served.desk, only_pull(served.desk), "docker.io has no ubuntu:24.04")

    found = served.get(location).json()

    assert found["status"] == "FAILURE"
    assert found["error"]["code"] == "manifest_unknown"
    assert (found["error"]["message"], found["error"]["can_retry"]) == ("docker.io has no ubuntu:24.04", False)
    assert [(entry["status"], entry["message"]) for entry in found["history"]] == [
        ("FAILURE", "docker.io has no ubuntu:24.04")
    ]


def test_progress_is_that_of_the_step_which_the_pull_waits_for(served: Served) -> None:
    location = create(served).headers["Location"]
    pull = only_pull(served.desk)
    stand(served.desk, "ab")
    link(served.desk, pull, "ab")
    progress = {"done_bytes": 10, "total_bytes": 40, "rate_bytes_per_s": 2.5}
    served.desk.database.pulls.update({"_id": pull.id}, {"$set": {"status": "TRANSFER"}})
    served.desk.database.images.update({"_id": "one:ab"}, {"$set": {"progress": progress}})

    assert served.get(location).json()["progress"] == progress


def test_a_pull_is_found_by_its_requester_and_administrators_only(served: Served) -> None:
    location = create(served).headers["Location"]

    assert [served.get(location, user).status_code for user in ("alice", "bob", "root")] == [200, 404, 200]
    assert served.post(f"{location}/cancel", "bob").status_code == 404


def test_a_cancelled_pull_ends_and_stays_so(served: Served) -> None:
    location = create(served, login={"user": "alice", "password": "x"}).headers["Location"]

    cancelled = served.post(f"{location}/cancel").json()

    assert (cancelled["status"], cancelled["error"]["code"]) == ("FAILURE", "cancelled")
    assert served.post(f"{location}/cancel").json()["rev"] == cancelled["rev"]
    assert served.desk.database.secrets.count({}) == 0


def test_a_wait_ends_when_the_pull_changes(served: Served) -> None:
    made = create(served)
    answers: list[Any] = []
    waiter = threading.Thread(
        target=lambda: answers.append(served.get(f"{made.headers['Location']}?wait=30&since=0").json())
    )
    waiter.start()
    fail(served.desk, only_pull(served.desk))
    waiter.join(30)

    assert [answer["status"] for answer in answers] == ["FAILURE"]


def test_a_wait_for_what_has_changed_already_or_ended_is_none(served: Served) -> None:
    location = create(served).headers["Location"]
    fail(served.desk, only_pull(served.desk))

    assert served.get(f"{location}?wait=60&since=0").json()["status"] == "FAILURE"
    assert served.get(f"{location}?wait=60").json()["status"] == "FAILURE"


def test_a_wait_ends_with_its_time(served: Served) -> None:
    location = create(served).headers["Location"]

    assert served.get(f"{location}?wait=0.05").json()["status"] == "PENDING"


def test_images_are_those_that_the_caller_may_use(served: Served) -> None:
    stand(served.desk, "ab", "open:1")
    stand(served.desk, "cd", "mine:1", acl=Acl(uids=(1000,)))

    mine = served.get("/api/v1/images?platform=one").json()["images"]
    others = served.get("/api/v1/images?platform=one", "bob").json()["images"]

    assert [(image["id"], image["tags"], image["public"]) for image in mine] == [
        ("ab", ["open:1"], True),
        ("cd", ["mine:1"], False),
    ]
    assert [image["id"] for image in others] == ["ab"]
    assert (mine[0]["size_bytes"], mine[1]["allowed_uids"]) == (4096, [1000])


def test_administrators_see_the_whole_queue(served: Served) -> None:
    create(served)

    seen = {
        user: [pull["reference"] for pull in served.get("/api/v1/queue?platform=one", user).json()["pulls"]]
        for user in ("alice", "bob", "root")
    }
    assert seen == {"alice": ["ubuntu:24.04"], "bob": [], "root": ["ubuntu:24.04"]}


def test_platforms_are_named(served: Served) -> None:
    platforms = served.get("/api/v1/platforms", "root").json()["platforms"]

    assert [(platform["name"], platform["is_admin"]) for platform in platforms] == [("one", True), ("two", False)]


def test_without_a_credential_a_problem_is_answered(served: Served) -> None:
    refused = served.get("/api/v1/platforms", "nobody")

    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
    assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_an_unknown_path_and_a_wrong_method_are_problems(served: Served) -> None:
    missing, wrong = served.get("/api/v1/nothing"), served.post("/api/v1/platforms")

    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "request_invalid")
    assert served.desk.database.pulls.count({}) == 0
    assert list(served.desk.find(Pull, {})) == []
