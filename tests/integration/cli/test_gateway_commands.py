"""The commands against a peer that answers as the real gateway cannot be made to: exit codes and last words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click.testing
import pytest

from imagegw_cli.__main__ import main
from tests.servers.scripted_http import Exchange, ScriptedPeer, scripted_http

pytestmark = pytest.mark.integration

Json = dict[str, Any]
Imagegw = Callable[..., click.testing.Result]
ENTRY = {"at": "2026-11-24T12:00:01+00:00", "status": "PENDING", "message": "joined", "host": "vm/puller-1"}
ERROR = {"code": "manifest_unknown", "message": "no tag 1 at hub", "hint": "Check the tag.", "can_retry": False}


def a_pull(**changed: Any) -> Json:
    pull = {
        "id": "p1", "rev": 1, "platform": "alps", "type": "docker", "reference": "ubuntu:24.04",
        "user": "alice", "uid": 1000, "status": "PENDING", "status_message": None, "progress": None,
        "error": None, "digest": None, "image_id": None, "created": "2026-11-24T12:00:00+00:00",
        "deadline": "2026-11-25T12:00:00+00:00", "ended": None, "history": [ENTRY],
    }  # fmt: skip
    return pull | changed


READY = a_pull(rev=2, status="READY", image_id="ab" * 32, ended="2026-11-24T12:00:02+00:00")
FAILED = a_pull(rev=2, status="FAILURE", error=ERROR, ended="2026-11-24T12:00:02+00:00")
PLATFORMS = {"platforms": [{"name": "alps"}, {"name": "jura"}]}


def reply(exchange: Exchange, status: int, content: Any) -> None:
    exchange.answer(status, json.dumps(content).encode(), {"Content-Type": "application/json"})


def answers(by_target: dict[str, tuple[int, Any]]) -> Callable[[Exchange], None]:
    """A script that answers by the beginning of what is asked for, the longest that fits."""

    def script(exchange: Exchange) -> None:
        fitting = [prefix for prefix in by_target if exchange.request.target.startswith(prefix)]
        reply(exchange, *by_target[max(fitting, key=len)])

    return script


def pulls_that_end(as_: Json) -> Callable[[Exchange], None]:
    return answers({"/api/v1/pulls": (202, a_pull()), "/api/v1/pulls/p1": (200, as_)})


@pytest.fixture
def listen() -> Iterator[Callable[[Callable[[Exchange], None]], ScriptedPeer]]:
    with ExitStack() as stack:
        yield lambda script: stack.enter_context(scripted_http(script))


@pytest.fixture
def imagegw(tmp_path: Path) -> Imagegw:
    """Run the command with a token against a peer."""

    def run(peer: ScriptedPeer | str, *arguments: str, **environ: str | None) -> click.testing.Result:
        url = peer if isinstance(peer, str) else peer.url
        settings = {"IMAGEGW_URL": url, "IMAGEGW_TOKEN": "sesame", "HOME": str(tmp_path), "IMAGEGW_PLATFORM": None}
        return click.testing.CliRunner().invoke(main, arguments, env=settings | environ)

    return run


def test_a_pull_that_becomes_ready_exits_with_zero_and_prints_its_image(listen: Any, imagegw: Imagegw) -> None:
    result = imagegw(listen(pulls_that_end(READY)), "pull", "ubuntu:24.04", "-p", "alps")
    assert result.exit_code == 0
    assert "ab" * 32 in result.stdout
    assert "PENDING" in result.stderr


def test_the_token_goes_in_the_header_and_the_wish_in_the_body(listen: Any, imagegw: Imagegw) -> None:
    peer = listen(pulls_that_end(READY))
    imagegw(peer, "pull", "ubuntu:24.04", "-p", "alps")
    assert peer.requests[0].headers["authorization"] == "Bearer sesame"
    assert json.loads(peer.requests[0].body) == {"platform": "alps", "reference": "ubuntu:24.04"}


def test_a_failed_pull_exits_with_one_and_says_why_and_what_helps(listen: Any, imagegw: Imagegw) -> None:
    result = imagegw(listen(pulls_that_end(FAILED)), "pull", "ubuntu:24.04", "-p", "alps")
    assert result.exit_code == 1
    assert "no tag 1 at hub" in result.stderr
    assert "Check the tag." in result.stderr


def test_a_failed_pull_as_json_exits_with_one_too(listen: Any, imagegw: Imagegw) -> None:
    result = imagegw(listen(pulls_that_end(FAILED)), "pull", "ubuntu:24.04", "-p", "alps", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == FAILED


def test_without_waiting_the_id_is_printed_and_nothing_more_is_asked(listen: Any, imagegw: Imagegw) -> None:
    peer = listen(pulls_that_end(READY))
    result = imagegw(peer, "pull", "ubuntu:24.04", "-p", "alps", "--no-wait")
    assert (result.exit_code, result.stdout) == (0, "p1\n")
    assert peer.targets() == []


def test_a_gateway_that_fails_for_a_while_is_asked_again(listen: Any, imagegw: Imagegw) -> None:
    away = {"code": "database_away", "detail": "the database does not answer", "hint": "", "status": 503}
    states = iter([(503, away), (200, READY)])

    def script(exchange: Exchange) -> None:
        reply(exchange, *((202, a_pull()) if exchange.request.method == "POST" else next(states)))

    result = imagegw(listen(script), "pull", "ubuntu:24.04", "-p", "alps")
    assert result.exit_code == 0
    assert "the database does not answer" in result.stderr


def test_control_c_says_how_to_go_on(listen: Any, imagegw: Imagegw, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: Any, **_settings: Any) -> None:
        raise KeyboardInterrupt

    peer = listen(pulls_that_end(READY))
    monkeypatch.setattr("imagegw_cli.client.Gateway.read_pull", interrupt)
    result = imagegw(peer, "pull", "ubuntu:24.04", "-p", "alps")
    assert result.exit_code == 130
    assert "imagegw show p1" in result.stderr
    assert "imagegw pull ubuntu:24.04 --platform alps" in result.stderr


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (400, "reference_invalid", 2),
        (404, "platform_unknown", 2),
        (422, "request_invalid", 2),
        (503, "database_away", 3),
        (401, "not_authenticated", 4),
        (403, "not_allowed", 4),
        (404, "not_found", 5),
        (500, "unexpected", 6),
    ],
)
def test_each_refusal_has_its_exit_code_and_shows_the_gateways_words(
    listen: Any, imagegw: Imagegw, status: int, code: str, exit_code: int
) -> None:
    problem = {"code": code, "detail": "a sentence", "hint": "a hint", "status": status}
    result = imagegw(listen(answers({"/": (status, problem)})), "images", "-p", "alps")
    assert result.exit_code == exit_code
    assert "a sentence\na hint" in result.stderr


def test_errors_in_the_shape_of_deployed_clients_are_understood(listen: Any, imagegw: Imagegw) -> None:
    error = {"error": "not_found", "message": "alps has no such image", "status": 404}
    result = imagegw(listen(answers({"/": (404, error)})), "lookup", "ubuntu", "-p", "alps")
    assert result.exit_code == 5
    assert "alps has no such image" in result.stderr


def test_lookup_prints_the_id_alone(listen: Any, imagegw: Imagegw) -> None:
    peer = listen(answers({"/api/lookup/": (200, {"id": "ab12", "status": "READY"})}))
    result = imagegw(peer, "lookup", "site.org:5000/a/b:1", "-p", "alps")
    assert (result.exit_code, result.stdout) == (0, "ab12\n")
    assert peer.targets() == ["/api/lookup/alps/docker/site.org%3A5000%2Fa%2Fb%3A1"]


def test_a_gateway_that_is_not_there_exits_with_three_and_names_the_address(imagegw: Imagegw) -> None:
    result = imagegw("http://127.0.0.1:9", "queue", "-p", "alps")  # discard: nobody listens
    assert result.exit_code == 3
    assert "http://127.0.0.1:9 does not answer" in result.stderr


def test_an_address_that_is_none_is_wrong_usage(imagegw: Imagegw) -> None:
    assert imagegw("gateway", "queue", "-p", "alps").exit_code == 2


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""])
def test_another_server_at_the_address_is_told_apart(listen: Any, imagegw: Imagegw, body: bytes) -> None:
    result = imagegw(listen(lambda exchange: exchange.answer(200, body)), "queue", "-p", "alps")
    assert result.exit_code == 6
    assert "Check the address" in result.stderr


def test_a_token_is_not_carried_to_where_an_answer_points(listen: Any, imagegw: Imagegw) -> None:
    other = listen(answers({"/": (200, {"pulls": []})}))
    peer = listen(lambda exchange: exchange.answer(302, b"", {"Location": other.url}))
    assert imagegw(peer, "queue", "-p", "alps").exit_code == 6
    assert other.requests == []


def test_without_a_platform_several_are_listed(listen: Any, imagegw: Imagegw) -> None:
    result = imagegw(listen(answers({"/api/v1/platforms": (200, PLATFORMS)})), "queue")
    assert result.exit_code == 2
    assert "alps, jura" in result.stderr


def test_without_a_platform_the_only_one_is_meant(listen: Any, imagegw: Imagegw) -> None:
    only = {"platforms": [{"name": "alps"}]}
    peer = listen(answers({"/api/v1/platforms": (200, only), "/api/v1/queue": (200, {"pulls": []})}))
    assert "Nothing is on its way to alps" in imagegw(peer, "queue").stdout


def test_show_tells_the_history_and_what_helps(listen: Any, imagegw: Imagegw) -> None:
    result = imagegw(listen(answers({"/api/v1/pulls/p1": (200, FAILED)})), "show", "p1", COLUMNS="160")
    assert result.exit_code == 0
    for words in ("joined", "vm/puller-1", "1.0 s", "Check the tag.", "manifest_unknown"):
        assert words in result.stdout


def test_queue_and_images_as_json_are_the_gateways_own(listen: Any, imagegw: Imagegw) -> None:
    peer = listen(answers({"/api/v1/queue": (200, {"pulls": [READY]}), "/api/v1/images": (200, {"images": []})}))
    assert json.loads(imagegw(peer, "queue", "-p", "alps", "--json").stdout) == {"pulls": [READY]}
    assert json.loads(imagegw(peer, "images", "-p", "alps", "--json").stdout) == {"images": []}


def test_the_token_may_stand_in_a_private_file(listen: Any, imagegw: Imagegw, tmp_path: Path) -> None:
    file = tmp_path / ".config" / "imagegw" / "token"
    file.parent.mkdir(parents=True)
    file.touch(mode=0o600)
    file.write_text("of the file\n")
    peer = listen(answers({"/": (200, {"pulls": []})}))
    assert imagegw(peer, "queue", "-p", "alps", IMAGEGW_TOKEN=None).exit_code == 0
    assert peer.requests[0].headers["authorization"] == "Bearer of the file"


def test_netrc_does_not_replace_the_token(listen: Any, imagegw: Imagegw, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.touch(mode=0o600)
    netrc.write_text("machine 127.0.0.1 login mallory password x\n")
    peer = listen(answers({"/": (200, {"pulls": []})}))
    imagegw(peer, "queue", "-p", "alps", NETRC=str(netrc))
    assert peer.requests[0].headers["authorization"] == "Bearer sesame"
