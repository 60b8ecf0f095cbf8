"""Who acts on a gateway: workers, a keeper, a lookup; inside a search and outside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from imagegw.domain import images
from imagegw.domain.admission import Limits
from imagegw.domain.records import Image
from imagegw.domain.status import Step
from imagegw.domain.work import renew
from imagegw.errors import Cancelled, ClaimLost
from imagegw.pipeline import following, performing, sweeping
from imagegw.pipeline.desk import CLASSES, Desk
from imagegw.pipeline.performing import Held
from imagegw.retry import failure_of
from tests.unit.interleavings.explorer import Operation
from tests.unit.interleavings.gateway import CLAIM_OVER, LIFETIME, PLATFORM, Gateway
from tests.unit.interleavings.steps import steps

_TIME = Operation(kind="*", is_write=True)


def cancel(gateway: Gateway, name: str) -> None:
    """Its requester does not want it any more."""
    following.end_pull(gateway.next_desk(), name, failure_of(Cancelled("cancelled")))


def drain(gateway: Gateway) -> None:
    """Let workers handle all messages, with no time passing and no keeper looking."""
    for _ in range(20):
        messages, gateway.queue = gateway.queue, []
        for kind, identity in messages:
            perform(gateway, gateway.next_desk(), kind, identity)
        if not gateway.queue:
            return


def do(gateway: Gateway, kind: str, identity: str) -> None:
    """A worker handles one message, before the actors begin."""
    gateway.queue = [message for message in gateway.queue if message != (kind, identity)]
    perform(gateway, gateway.next_desk(), kind, identity)


def perform(gateway: Gateway, desk: Desk, kind: str, identity: str) -> None:
    """What a worker does with a message: claim, step, record."""
    held: Held[Any] | None = performing.take(desk, CLASSES[kind], identity, list(Step))
    if held is not None:
        hold(gateway, held)


def hold(gateway: Gateway, held: Held[Any]) -> None:
    """What a worker does with a claim."""
    try:
        ending, _ = performing.run(held, steps(gateway)[held.work.step], jitter=0.0)
        performing.record(held, ending, LIFETIME)
    except ClaimLost:
        return
    gateway.promises.recorded(held.claim)


def worker(gateway: Gateway, name: str, kind: str, identity: str) -> Callable[[], object]:
    """An actor that handles one message."""
    desk = gateway.desk(name)
    return lambda: perform(gateway, desk, kind, identity)


def pause(gateway: Gateway, kind: str, identity: str) -> None:
    """A worker claims the step, and then is not heard of for a while."""
    gateway.paused = performing.take(gateway.desk("paused"), CLASSES[kind], identity, list(Step))


def paused_worker(gateway: Gateway) -> Callable[[], object]:
    """The paused worker as an actor, who comes back with what it knew."""
    assert gateway.paused is not None
    held = replace(gateway.paused, desk=gateway.desk("paused"))
    return lambda: hold(gateway, held)


def renewing_worker(gateway: Gateway, name: str, identity: str) -> Callable[[], object]:
    """An actor that handles one message about an image, and renews its claim before it works."""
    desk = gateway.desk(name)

    def act() -> None:
        held = performing.take(desk, Image, identity, list(Step))
        if held is not None:
            desk.database.images.note(*renew(identity, held.claim, gateway.clock, None))
            hold(gateway, held)

    return act


def let_pass(gateway: Gateway, after: timedelta) -> None:
    """Time goes by."""
    gateway.operations.step(_TIME, lambda: gateway.let_pass(after))


def sweep(desk: Desk) -> None:
    """A keeper looks at all work once."""
    sweeping.sweep(desk, LIFETIME, frees_claims=True)


def look_up(gateway: Gateway, desk: Desk, digest: str = "d1") -> None:
    """A lookup by somebody who may see it: the answer is READY only if the use could be noted."""
    image_id = f"{PLATFORM}:{digest}"
    now = gateway.clock
    outcome = desk.change(Image, image_id, lambda image: images.use(image, now + LIFETIME))
    if outcome.patch is not None:
        gateway.told_ready.append(digest)


def settle(gateway: Gateway) -> None:
    """Let keeper and workers go on alone until nothing moves: what recovery makes of what is left."""
    for _ in range(40):
        keeper = gateway.next_desk()
        sweeping.admit(keeper, Limits(live=512, live_per_user=16))
        sweep(keeper)
        sweeping.follow_admitted(keeper, LIFETIME)
        drain(gateway)
        if not gateway.inner.pulls.count({"live": True}) and not gateway.is_held():
            return
        gateway.let_pass(CLAIM_OVER)
