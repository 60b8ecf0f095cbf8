"""The rules of owed outcomes, with clients that behave as the deployed one does."""

from __future__ import annotations

import threading

import pytest

from imagegw.domain.acl import Acl
from imagegw.domain.records import Image, Pull
from tests.integration.api.application import Served
from tests.integration.api.wire_client import POLL_S, WireClient
from tests.integration.api.world import fail, let_pass, link, only_pull, stand, succeed

pytestmark = pytest.mark.integration


def attempts(served: Served) -> int:
    return served.desk.database.pulls.count({})


def wait(served: Served) -> None:
    let_pass(served.desk, POLL_S)


def test_a_client_starts_a_pull_and_sees_it_ready(served: Served) -> None:
    client = WireClient(served=served)

    assert client.poll()
    succeed(served.desk, only_pull(served.desk, live=True))

    assert client.run(lambda: wait(served)) == "READY"
    assert attempts(served) == 1


def test_a_new_pull_is_admitted_and_announced_at_once(served: Served) -> None:
    WireClient(served=served).poll()

    pull = only_pull(served.desk)
    assert (pull.status, pull.tag, pull.uid, pull.user) == ("PENDING", "ubuntu:24.04", 1000, "alice")
    assert served.announced == [("resolve", "pull", pull.id)]


def test_a_failure_is_told_once_and_the_next_client_begins_anew(served: Served) -> None:
    client = WireClient(served=served)
    client.poll()
    fail(served.desk, only_pull(served.desk))
    wait(served)

    assert client.run(lambda: wait(served)) == "FAILURE"
    second = WireClient(served=served)
    assert second.poll()
    assert second.words == ["PENDING"]
    assert attempts(served) == 2


def test_the_record_of_a_failure_says_why(served: Served) -> None:
    WireClient(served=served).poll()
    fail(served.desk, only_pull(served.desk), "docker.io has no ubuntu:24.04")
    wait(served)

    answer = served.post("/api/pull/one/docker/ubuntu:24.04").json()
    assert (answer["status"], answer["status_message"]) == ("FAILURE", "docker.io has no ubuntu:24.04")


def test_a_pull_that_fails_after_an_hour_is_not_begun_again_by_its_polling_client(served: Served) -> None:
    client = WireClient(served=served)
    client.poll()
    let_pass(served.desk, 3600)
    client.poll()
    let_pass(served.desk, 1)
    fail(served.desk, only_pull(served.desk))

    assert client.run(lambda: wait(served)) == "FAILURE"
    assert attempts(served) == 1


def test_six_clients_of_one_user_share_an_attempt_and_each_sees_its_end(served: Served) -> None:
    clients = [WireClient(served=served) for _ in range(6)]
    threads = [threading.Thread(target=client.poll) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fail(served.desk, only_pull(served.desk))
    wait(served)

    assert [client.run(lambda: None) for client in clients] == ["FAILURE"] * 6
    assert attempts(served) == 1


def test_a_newcomer_begins_anew_while_the_failures_of_others_are_still_owed(served: Served) -> None:
    first = WireClient(served=served)
    first.poll()
    fail(served.desk, only_pull(served.desk))

    newcomer = WireClient(served=served)  # within the first one's pause
    newcomer.poll()
    assert newcomer.words == ["PENDING"]
    wait(served)

    assert first.run(lambda: None) == "FAILURE"
    assert newcomer.poll()
    assert newcomer.words == ["PENDING", "PENDING"]


def test_a_killed_clients_outcome_goes_to_the_next_one_and_then_it_begins_anew(served: Served) -> None:
    for _ in range(3):
        WireClient(served=served).poll()
        let_pass(served.desk, 0.01)
    fail(served.desk, only_pull(served.desk))
    let_pass(served.desk, 10)

    retried = [WireClient(served=served) for _ in range(2)]
    for client in retried:
        client.poll()

    assert [client.words for client in retried] == [["FAILURE"], ["PENDING"]]


def test_an_outcome_that_nobody_took_is_forgotten_after_five_minutes(served: Served) -> None:
    WireClient(served=served).poll()
    fail(served.desk, only_pull(served.desk))
    let_pass(served.desk, 301)
    late = WireClient(served=served)
    late.poll()

    assert late.words == ["PENDING"]


def test_users_have_attempts_of_their_own(served: Served) -> None:
    alice, bob = WireClient(served=served), WireClient(served=served, user="bob")
    alice.poll()
    bob.poll()
    fail(served.desk, only_pull(served.desk, uid=1001))
    wait(served)

    assert bob.run(lambda: None) == "FAILURE"
    assert alice.poll()
    assert attempts(served) == 2


def test_a_fresh_image_is_ready_at_once(served: Served) -> None:
    stand(served.desk, "ab", "ubuntu:24.04")
    client = WireClient(served=served, user="bob")
    client.poll()

    assert client.words == ["READY"]
    assert attempts(served) == 0


def test_an_old_image_is_asked_for_again_and_served_meanwhile(served: Served) -> None:
    stand(served.desk, "ab", "ubuntu:24.04")
    let_pass(served.desk, 301)
    client = WireClient(served=served)
    client.poll()

    assert client.words == ["PENDING"]
    assert served.get("/api/lookup/one/docker/ubuntu:24.04/").json()["status"] == "READY"


def test_a_private_image_is_checked_anew_for_whom_it_does_not_admit(served: Served) -> None:
    stand(served.desk, "ab", "ubuntu:24.04", acl=Acl(uids=(1000,)))
    bob = WireClient(served=served, user="bob")
    bob.poll()
    assert bob.words == ["PENDING"]
    fail(served.desk, only_pull(served.desk), "the registry denies it")
    wait(served)

    assert bob.run(lambda: None) == "FAILURE"  # a 403 would end the client as if all were well


def test_an_acl_that_is_wished_later_is_kept(served: Served) -> None:
    WireClient(served=served).poll()
    WireClient(served=served, body='{"allowed_uids": "1001,1002", "allowed_gids": ""}').poll()

    assert only_pull(served.desk).wish == Acl(uids=(1001, 1002))


def test_what_keeps_a_pull_waiting_is_told(served: Served) -> None:
    stand(served.desk, "ab")
    WireClient(served=served).poll()
    link(served.desk, only_pull(served.desk), "ab")
    served.desk.database.images.update({"_id": "one:ab"}, {"$set": {"status_message": "the disk is full"}})

    answer = served.post("/api/pull/one/docker/ubuntu:24.04").json()
    assert (answer["id"], answer["status_message"]) == ("ab", "the disk is full")


def test_a_ready_outcome_is_told_though_the_image_has_expired_since(served: Served) -> None:
    client = WireClient(served=served)
    client.poll()
    succeed(served.desk, only_pull(served.desk))
    served.desk.database.images.update({"_id": "one:ab"}, {"$set": {"state": "EXPIRED"}})
    wait(served)

    assert client.run(lambda: None) == "READY"
    assert served.desk.read(Image, "one:ab") is not None


def test_in_real_time_a_client_sees_its_pull_end(served: Served) -> None:
    client = WireClient(served=served)
    pause = threading.Event()  # never set: the deployed client's own half second

    def work() -> None:
        pause.wait(POLL_S)
        for pull in served.desk.find(Pull, {"live": True}):
            if len(client.words) > 1:
                succeed(served.desk, pull)

    assert client.run(work) == "READY"
    assert attempts(served) == 1
