"""The situations in which actors can get into each other's way, each as small as shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from unittest.mock import patch

from imagegw.domain import artifacts, images
from imagegw.domain.acl import Acl
from imagegw.domain.records import Artifact, Image
from imagegw.pipeline import following, sweeping
from imagegw.pipeline.desk import Desk
from tests.unit.interleavings.explorer import Actor, Fault, Operation, Search, World
from tests.unit.interleavings.world import (
    CLAIM_OVER,
    KEY,
    LIFETIME,
    PLATFORM,
    REMOVAL_DELAY,
    UNTAGGED_AFTER,
    ExploredDesk,
    Gateway,
)

IMAGE = f"{PLATFORM}:d1"
ARTIFACT = f"{KEY}d1"
Check = Callable[[Gateway], None]
Prepare = Callable[[Gateway], object]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is there, who acts on it, and what must hold at the end beside the standing promises."""

    prepare: Prepare
    actors: Callable[[Gateway], Mapping[str, Actor]]
    check: Check = lambda _: None
    may_crash: frozenset[str] = frozenset()
    needs_keeper: bool = False
    """Whether a claim may be left for the keeper even when nobody crashes."""

    def explore(self) -> Fault | None:
        """The first schedule that breaks a promise."""
        with (
            patch.object(following, "follow_pull", _forgetful(following.follow_pull)),
            patch.object(sweeping, "follow_pull", _forgetful(following.follow_pull)),
        ):
            return self.search().find_fault()

    def search(self) -> Search:
        """The search for such a schedule."""
        prepared = Gateway()
        self.prepare(prepared)
        prepared.queue = sorted(set(prepared.queue))
        assert not prepared.promises.broken

        def build() -> World:
            gateway = prepared.copy()
            return World(
                actors=dict(self.actors(gateway)),
                operations=gateway.operations,
                fingerprint=gateway.fingerprint,
                outcome=gateway.outcome,
                facts=gateway,
            )

        return Search(build, self._judge, may_crash=self.may_crash)

    def _judge(self, world: World, has_crashed: bool) -> None:
        gateway: Gateway = world.facts
        gateway.drain()
        if not has_crashed and not self.needs_keeper:
            left = [d["_id"] for d in gateway.inner.pulls.find({"live": True})]
            assert not left, f"nobody tells {left} how things stand"
        gateway.settle()
        assert not gateway.promises.broken, gateway.promises.broken[0]
        left = [d["_id"] for d in gateway.inner.pulls.find({"live": True})]
        assert not left, f"{left} never ended"
        self.check(gateway)


def _forgetful(follow_pull: Callable[..., None]) -> Callable[..., None]:
    """It returns nothing: of what it was told on its way nothing is left in its caller."""

    def forgetful(desk: ExploredDesk, *args: object) -> None:
        with desk.operations.forgetting():
            follow_pull(desk, *args)

    return forgetful


def all_ready(gateway: Gateway) -> None:
    for document in gateway.inner.pulls.find({}):
        assert document["status"] == "READY", f"{document['_id']} ended as {document['status']}"


def who_did_not_cancel_is_ready(gateway: Gateway) -> None:
    for document in gateway.inner.pulls.find({}):
        cancelled = document.get("error", {}).get("code") == "cancelled"
        assert cancelled or document["status"] == "READY", f"{document['_id']} ended as {document['status']}"


def _until_deliver(gateway: Gateway) -> None:
    gateway.add_pull("p1", uid=1)
    gateway.do("pull", "p1")
    gateway.do("artifact", ARTIFACT)
    gateway.do("artifact", ARTIFACT)


def _until_ready(gateway: Gateway) -> None:
    _until_deliver(gateway)
    gateway.do("image", IMAGE)


# --- one message twice, a crash, the keeper --------------------------------------------------------------


def _one_pull(gateway: Gateway) -> None:
    gateway.add_pull("p1", uid=1)


def _keeper_of_claims(gateway: Gateway) -> Actor:
    desk = gateway.desk("keeper")

    def act() -> None:
        gateway.let_pass(CLAIM_OVER)
        gateway.sweep(desk)

    return act


ONE_MESSAGE_TWICE = Scenario(
    prepare=_one_pull,
    actors=lambda g: {"one": g.worker("one", "pull", "p1"), "two": g.worker("two", "pull", "p1")},
    check=all_ready,
    may_crash=frozenset({"one"}),
)

KEEPER_AND_DUPLICATE = Scenario(
    prepare=_one_pull,
    actors=lambda g: {
        "one": g.worker("one", "pull", "p1"),
        "two": g.worker("two", "pull", "p1"),
        "keeper": _keeper_of_claims(g),
    },
    check=all_ready,
    may_crash=frozenset({"one"}),
)


def _until_fetch(gateway: Gateway) -> None:
    gateway.add_pull("p1", uid=1)
    gateway.do("pull", "p1")


def _until_convert(gateway: Gateway) -> None:
    _until_fetch(gateway)
    gateway.do("artifact", ARTIFACT)


def _with_a_crash(prepare: Prepare, kind: str, identity: str) -> Scenario:
    return Scenario(
        prepare=prepare,
        actors=lambda g: {"one": g.worker("one", kind, identity), "two": g.worker("two", kind, identity)},
        check=all_ready,
        may_crash=frozenset({"one"}),
    )


CRASH_IN_EACH_STEP = {
    "fetch": _with_a_crash(_until_fetch, "artifact", ARTIFACT),
    "convert": _with_a_crash(_until_convert, "artifact", ARTIFACT),
    "deliver": _with_a_crash(_until_deliver, "image", IMAGE),
}

# --- join against finish ---------------------------------------------------------------------------------


def _second_pull(before: Prepare, *, uid: int = 2, tag: str = "app:1") -> Prepare:
    def prepare(gateway: Gateway) -> None:
        before(gateway)
        gateway.add_pull("p2", uid=uid, tag=tag)

    return prepare


JOIN_AGAINST_MADE = Scenario(
    prepare=_second_pull(_until_convert),
    actors=lambda g: {
        "converter": g.worker("converter", "artifact", ARTIFACT),
        "resolver": g.worker("resolver", "pull", "p2"),
    },
    check=all_ready,
)


def _two_pulls(gateway: Gateway) -> None:
    gateway.add_pull("p1", uid=1)
    gateway.add_pull("p2", uid=2, wish=Acl(uids=(7,)))


TWO_JOIN_AT_ONCE = Scenario(
    prepare=_two_pulls,
    actors=lambda g: {"one": g.worker("one", "pull", "p1"), "two": g.worker("two", "pull", "p2")},
    check=all_ready,
)

# --- idle, and an old failure ----------------------------------------------------------------------------


def _nobody_waits(gateway: Gateway) -> None:
    gateway.add_pull("p1", uid=1)
    gateway.do("pull", "p1")
    gateway.cancel("p1")
    gateway.add_pull("p2", uid=2)


def _p2_ready(gateway: Gateway) -> None:
    assert gateway.pull("p2").status == "READY", gateway.pull("p2").error


IDLE_AGAINST_JOIN = Scenario(
    prepare=_nobody_waits,
    actors=lambda g: {
        "fetcher": g.worker("fetcher", "artifact", ARTIFACT),
        "resolver": g.worker("resolver", "pull", "p2"),
    },
    check=_p2_ready,
)


def _bad_manifest(gateway: Gateway) -> None:
    gateway.is_manifest_bad = True
    gateway.add_pull("p1", uid=1)
    gateway.do("pull", "p1")
    gateway.add_pull("p2", uid=2)


NEW_ATTEMPT_AGAINST_OLD_FAILURE = Scenario(
    prepare=_bad_manifest,
    actors=lambda g: {
        "fetcher": g.worker("fetcher", "artifact", ARTIFACT),
        "resolver": g.worker("resolver", "pull", "p2"),
    },
)


def _failed_once(gateway: Gateway) -> None:
    _bad_manifest(gateway)
    gateway.do("artifact", ARTIFACT)


class _Deposed:
    """Artifacts as they stood when a primary was deposed that goes on answering for a while."""

    def __init__(self, desk: Desk, gateway: Gateway) -> None:
        self._database = desk.database
        self._gateway = gateway
        self._then = dict(gateway.inner.artifacts.documents)  # type: ignore[attr-defined]

    def get(self, identity: str) -> object:
        operation = Operation(kind="deposed")
        return self._gateway.operations.step(operation, lambda: self._then.get(identity))

    def __getattr__(self, name: str) -> object:
        return getattr(self._database.artifacts, name)


class _DatabaseInFailover:
    def __init__(self, desk: Desk, gateway: Gateway) -> None:
        self.artifacts = _Deposed(desk, gateway)
        self._database = desk.database

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)


def _late_follower(gateway: Gateway, pull: str) -> Actor:
    fresh = gateway.desk("late")
    desk = ExploredDesk(
        database=_DatabaseInFailover(fresh, gateway),  # type: ignore[arg-type]
        now=fresh.now,
        new_id=fresh.new_id,
        operations=gateway.operations,
        holds_rev=gateway.holds_rev,
        host=fresh.host,
        announce=fresh.announce,
    )
    return lambda: following.follow_pull(desk, pull, LIFETIME)


OLD_FAILURE_IN_HAND = Scenario(
    prepare=_failed_once,
    actors=lambda g: {"late": _late_follower(g, "p2"), "resolver": g.worker("resolver", "pull", "p2")},
    check=_p2_ready,
)


# --- an image whose file went missing ----------------------------------------------------------------------


def _miss(gateway: Gateway) -> None:
    """A look at the platform finds the image's file gone."""
    gateway.platform.files.clear()
    gateway.platform.metas.clear()
    gateway.desk("look").change(Image, IMAGE, lambda image: images.miss(image, gateway.clock))


def _lost_from_the_store(gateway: Gateway) -> None:
    gateway.desk("store").change(Artifact, ARTIFACT, lambda a: artifacts.lose(a, a.round, gateway.clock))


def _lost_on_both_sides(gateway: Gateway) -> None:
    _until_ready(gateway)
    _miss(gateway)
    _lost_from_the_store(gateway)
    gateway.do("artifact", ARTIFACT)


def _stands_again(gateway: Gateway) -> None:
    assert gateway.image().state == "READY", f"nobody brings the image back: it is {gateway.image().state}"


RESTORE_AGAINST_MADE = Scenario(
    prepare=_lost_on_both_sides,
    actors=lambda g: {
        "shipper": g.worker("shipper", "image", IMAGE),
        "converter": g.worker("converter", "artifact", ARTIFACT),
    },
    check=_stands_again,
)


# --- ACLs ------------------------------------------------------------------------------------------------


def _first_has_gone(gateway: Gateway) -> None:
    """The image is on its way by the first pull's wish, who has cancelled since: one pull less to tell."""
    _until_deliver(gateway)
    gateway.cancel("p1")
    gateway.add_pull("p2", uid=2, wish=Acl(uids=(7,), gids=(8,)))


def _second_is_ready(gateway: Gateway) -> None:
    assert gateway.pull("p2").status == "READY"


TWO_WISHES = Scenario(
    prepare=_first_has_gone,
    actors=lambda g: {
        "shipper": g.worker("shipper", "image", IMAGE),
        "resolver": g.worker("resolver", "pull", "p2"),
    },
    check=_second_is_ready,
)


def _two_wishes_on_ready(gateway: Gateway) -> None:
    _until_ready(gateway)
    gateway.add_pull("p2", uid=2, wish=Acl(uids=(7,)))
    gateway.add_pull("p3", uid=3, wish=Acl(gids=(8,)))


TWO_WISHES_ON_A_READY_IMAGE = Scenario(
    prepare=_two_wishes_on_ready,
    actors=lambda g: {"two": g.worker("two", "pull", "p2"), "three": g.worker("three", "pull", "p3")},
    check=all_ready,
)

# --- tags and expiry -------------------------------------------------------------------------------------


def _two_resolutions(gateway: Gateway) -> None:
    for name, digest in (("p1", "d1"), ("p2", "d2")):
        gateway.digest = digest
        gateway.add_pull(name, uid=int(name[1]))
        gateway.do("pull", name)
        gateway.do("artifact", f"{KEY}{digest}")
        gateway.do("artifact", f"{KEY}{digest}")
        gateway.clock += timedelta(seconds=1)


def _newest_holds_the_tag(gateway: Gateway) -> None:
    all_ready(gateway)
    (tag,) = gateway.inner.tags.find({})
    assert tag["digest"] == "d2", f"the tag stands for {tag['digest']}, which was resolved earlier"


TAG_MOVE_AGAINST_LATE_DELIVERY = Scenario(
    prepare=_two_resolutions,
    actors=lambda g: {
        "old": g.worker("old", "image", IMAGE),
        "new": g.worker("new", "image", f"{PLATFORM}:d2"),
    },
    check=_newest_holds_the_tag,
)


def _overdue(gateway: Gateway) -> None:
    _until_ready(gateway)
    gateway.clock += LIFETIME + timedelta(days=1)


def _expirer(gateway: Gateway) -> Actor:
    desk = gateway.desk("expirer")
    return lambda: sweeping.expire(desk)


EXPIRY_AGAINST_PULL = Scenario(
    prepare=_second_pull(_overdue, uid=1),
    actors=lambda g: {"expirer": _expirer(g), "resolver": g.worker("resolver", "pull", "p2")},
    check=all_ready,
)


def _told_is_kept(gateway: Gateway) -> None:
    image = gateway.image()
    for _ in gateway.told_ready:
        assert image.state == "READY", f"a lookup was told READY, and the image is {image.state}"
        assert image.expires is not None
        assert image.expires >= gateway.clock + LIFETIME - CLAIM_OVER, "a lookup was told READY and pushed nothing"


def _lookup(gateway: Gateway) -> Actor:
    desk = gateway.desk("lookup")
    return lambda: gateway.look_up(desk)


EXPIRY_AGAINST_LOOKUP = Scenario(
    prepare=_overdue,
    actors=lambda g: {"expirer": _expirer(g), "lookup": _lookup(g)},
    check=_told_is_kept,
)


def _tag_remover(gateway: Gateway) -> Actor:
    desk = gateway.desk("expire")
    return lambda: sweeping.expire_tag(desk, f"{PLATFORM}/docker/app:1", UNTAGGED_AFTER)


def _tagged_is_kept(gateway: Gateway) -> None:
    all_ready(gateway)
    image = gateway.image()
    assert image.expires is not None
    assert image.expires >= gateway.clock + LIFETIME - CLAIM_OVER, "an image that has a tag expires in a minute"


LAST_TAG_AGAINST_NEW_TAG = Scenario(
    prepare=_second_pull(_until_ready, uid=1, tag="app:2"),
    actors=lambda g: {"expire": _tag_remover(g), "resolver": g.worker("resolver", "pull", "p2")},
    check=_tagged_is_kept,
)

# --- deliver against remove ------------------------------------------------------------------------------


def _expired(gateway: Gateway) -> None:
    _overdue(gateway)
    sweeping.expire(gateway.desk("expire"))


def _file_due(gateway: Gateway) -> None:
    _expired(gateway)
    gateway.do("image", IMAGE)
    gateway.clock += REMOVAL_DELAY


DELIVER_AGAINST_REMOVE_META = Scenario(
    prepare=_second_pull(_expired),
    actors=lambda g: {
        "remover": g.worker("remover", "image", IMAGE),
        "resolver": g.worker("resolver", "pull", "p2"),
    },
    check=all_ready,
)

DELIVER_AGAINST_REMOVE_FILE = Scenario(
    prepare=_second_pull(_file_due),
    actors=lambda g: {
        "remover": g.worker("remover", "image", IMAGE),
        "resolver": g.worker("resolver", "pull", "p2"),
    },
    check=all_ready,
)

# --- a paused holder that comes back ---------------------------------------------------------------------


def _others(gateway: Gateway, *messages: tuple[str, str]) -> Actor:
    """Time passes, the keeper frees what is not renewed, and others do the work."""
    keeper = gateway.desk("keeper")
    others = [(gateway.desk(f"other{n}"), *message) for n, message in enumerate(messages)]

    def act() -> None:
        gateway.let_pass(CLAIM_OVER)
        gateway.sweep(keeper)
        for desk, kind, identity in others:
            gateway.perform(desk, kind, identity)

    return act


def _paused(prepare: Prepare, *messages: tuple[str, str]) -> Scenario:
    return Scenario(
        prepare=prepare,
        actors=lambda g: {"paused": g.paused_worker(), "others": _others(g, *messages)},
        check=who_did_not_cancel_is_ready,
    )


def _claimed(before: Prepare, kind: str, identity: str) -> Callable[[Gateway], None]:
    def prepare(gateway: Gateway) -> None:
        before(gateway)
        gateway.pause(kind, identity)

    return prepare


def _until_deliver_for_nobody(gateway: Gateway) -> None:
    _until_deliver(gateway)
    gateway.cancel("p1")


def _claimed_then_wanted(before: Prepare) -> Callable[[Gateway], None]:
    """A holder of the image's step is paused; then a second pull joins the image."""

    def prepare(gateway: Gateway) -> None:
        _claimed(before, "image", IMAGE)(gateway)
        gateway.add_pull("p2", uid=2)
        gateway.do("pull", "p2")

    return prepare


PAUSED = {
    "resolver": _paused(_claimed(_one_pull, "pull", "p1"), ("pull", "p1")),
    "converter": _paused(_claimed(_until_convert, "artifact", ARTIFACT), ("artifact", ARTIFACT)),
    "shipper": _paused(_claimed_then_wanted(_until_deliver_for_nobody), ("image", IMAGE)),
    "remover of .meta": _paused(_claimed_then_wanted(_expired), ("image", IMAGE), ("image", IMAGE)),
    "remover of the file": _paused(_claimed_then_wanted(_file_due), ("image", IMAGE), ("image", IMAGE)),
}

RENEWAL_AGAINST_FREEING = Scenario(
    prepare=_until_deliver,
    actors=lambda g: {"holder": g.renewing_worker("holder", IMAGE), "keeper": _keeper_of_claims(g)},
    check=all_ready,
)


def _nine_crashes(gateway: Gateway) -> None:
    _until_deliver(gateway)
    document = gateway.inner.images.documents[IMAGE]  # type: ignore[attr-defined]
    document["work"]["crashes"] = 9


RENEWAL_AGAINST_BLAME = Scenario(
    prepare=_nine_crashes,
    actors=lambda g: {"holder": g.renewing_worker("holder", IMAGE), "keeper": _keeper_of_claims(g)},
)
