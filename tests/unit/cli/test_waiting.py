"""Following a pull: what is asked for, how long, and when it is given up."""

from __future__ import annotations

from typing import Any

import pytest

from imagegw_cli.exits import GatewayAway
from imagegw_cli.waiting import PATIENCE_S, wait_for_end

Json = dict[str, Any]


class Gateway:
    """Answers what it was given, in order; an exception is raised."""

    def __init__(self, *answers: Json | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[float, int | None]] = []

    def read_pull(self, pull_id: str, *, wait_s: float, since: int | None) -> Json:
        self.asked.append((wait_s, since))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Display:
    every_s = 7.0

    def __init__(self) -> None:
        self.said: list[str] = []

    def show(self, pull: Json) -> None:
        self.said.append(pull["status"])

    def show_away(self, sentence: str) -> None:
        self.said.append(sentence)


class Clock:
    """Goes on only when somebody pauses."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def pull(status: str, rev: int) -> Json:
    return {"id": "p1", "status": status, "rev": rev}


def follow(gateway: Gateway, display: Display) -> Json:
    clock = Clock()
    return wait_for_end(gateway, pull("INIT", 0), display, clock=clock, pause=clock.pause)


def test_the_display_hears_of_every_change_until_the_end() -> None:
    display = Display()
    ended = follow(Gateway(pull("PULLING", 1), pull("TRANSFER", 2), pull("READY", 3)), display)
    assert ended["status"] == "READY"
    assert display.said == ["INIT", "PULLING", "TRANSFER", "READY"]


def test_the_gateway_is_asked_at_once_and_then_to_wait_for_another_rev() -> None:
    gateway = Gateway(pull("PULLING", 4), pull("FAILURE", 5))
    follow(gateway, Display())
    assert gateway.asked == [(0.0, None), (Display.every_s, 4)]


def test_a_gateway_that_comes_back_is_asked_on() -> None:
    display = Display()
    assert follow(Gateway(GatewayAway("away", "hint"), pull("READY", 1)), display)["status"] == "READY"
    assert "away" in display.said


def test_a_gateway_that_stays_away_is_given_up_after_the_patience() -> None:
    gateway = Gateway(GatewayAway("away", "hint"))
    with pytest.raises(GatewayAway):
        follow(gateway, Display())
    assert len(gateway.asked) >= PATIENCE_S
