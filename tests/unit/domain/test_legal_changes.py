"""Whatever a decision says of whatever record: the change is legal, and says one thing of each field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegw.domain import artifacts, images, pulls, tags
from imagegw.domain.acl import Acl
from imagegw.domain.patch import Mark, Patch, as_document, as_update
from imagegw.domain.pulls import Link
from imagegw.domain.records import Artifact, BlobRef, DeliveredFile, FileRef, Image, Pull, Rounds, RunConfig, Work
from imagegw.domain.status import (
    ENDS,
    ArtifactState,
    ImageState,
    PullStatus,
    Step,
    is_legal_for_artifact,
    is_legal_for_image,
    is_legal_for_pull,
)
from tests.support.records import FAILURE, NOW, PLACING, SOURCE, a_pull, a_tag, an_artifact, an_image

FILE = FileRef(digest="sha256:ef", size_bytes=4096)
LAYER = BlobRef(digest="sha256:01", size_bytes=10, media_type="tar")


@dataclass(frozen=True, kw_only=True)
class Circumstance:
    """What a decision is told beside the record."""

    now: datetime
    acl: Acl | None
    acl_version: int
    uid: int
    is_so: bool
    """Whatever a decision is asked to distinguish."""
    round: int
    status: PullStatus


TIMES = st.integers(min_value=-200, max_value=200).map(lambda hours: NOW + timedelta(hours=hours))
ACLS = st.none() | st.sampled_from([Acl(), Acl(uids=(7,)), Acl(uids=(7,), gids=(8,))])
VERSIONS = st.integers(min_value=0, max_value=3)
ROUNDS = st.builds(Rounds, artifact=VERSIONS, image=VERSIONS, acl=VERSIONS)
CIRCUMSTANCES = st.builds(
    Circumstance,
    now=TIMES,
    acl=ACLS,
    acl_version=VERSIONS,
    uid=st.sampled_from([1000, 1001]),
    is_so=st.booleans(),
    round=VERSIONS,
    status=st.sampled_from(PullStatus),
)


def work_in(*steps: Step) -> st.SearchStrategy[Work | None]:
    """A step that waits or is held; None if the state has none."""
    if not steps:
        return st.none()
    return st.builds(
        Work,
        step=st.sampled_from(steps),
        due=TIMES,
        wake=TIMES,
        claim=st.none() | st.just("claim"),
        crashes=st.integers(min_value=0, max_value=9),
    )


@st.composite
def any_pull(draw: st.DrawFn) -> Pull:
    """A pull in any status: live until it ends, admitted from PENDING on."""
    status = draw(st.sampled_from(PullStatus))
    return a_pull(
        status=status,
        live=None if status in ENDS else True,
        admitted=None if status is PullStatus.INIT else draw(TIMES),
        ended=draw(TIMES) if status in ENDS else None,
        error=FAILURE if status is PullStatus.FAILURE else None,
        wish=draw(ACLS),
        import_path=draw(st.none() | st.just("/a.squashfs")),
        rounds=draw(st.none() | ROUNDS),
        work=None if status in ENDS or status is PullStatus.INIT else draw(st.none() | work_in(Step.RESOLVE)),
    )


ARTIFACT_STEPS = {
    ArtifactState.FETCH: (Step.FETCH,),
    ArtifactState.CONVERT: (Step.CONVERT,),
    ArtifactState.EXAMINE: (Step.EXAMINE,),
}


@st.composite
def any_artifact(draw: st.DrawFn, *states: ArtifactState) -> Artifact:
    """An artifact in one of *states*, with the work that belongs to it."""
    state = draw(st.sampled_from(states or tuple(ArtifactState)))
    return an_artifact(
        state,
        round=draw(VERSIONS),
        work=draw(work_in(*ARTIFACT_STEPS.get(state, ()))),
        squashfs=FILE if state is ArtifactState.MADE else None,
        error=FAILURE if state is ArtifactState.FAILED else None,
    )


@st.composite
def any_image(draw: st.DrawFn, *states: ImageState) -> Image:
    """An image in one of *states*, with the work that belongs to it."""
    state = draw(st.sampled_from(states or tuple(ImageState)))
    works = {
        ImageState.DELIVER: work_in(Step.DELIVER),
        ImageState.READY: st.none() | work_in(Step.DELIVER),
        ImageState.EXPIRING: work_in(Step.REMOVE),
    }
    return an_image(
        state,
        round=draw(VERSIONS),
        public=draw(st.booleans()),
        work=draw(works.get(state, st.none())),
        acl_version=draw(VERSIONS),
        acl_wanted=draw(ACLS),
        acl_wanted_version=draw(VERSIONS),
        pullers=draw(st.sampled_from([(), (1000,)])),
        expires=draw(st.none() | TIMES),
        is_wanted=draw(st.booleans()),
        is_restoring=draw(st.booleans()),
        is_meta_removed=draw(st.booleans()),
        error=FAILURE if state is ImageState.FAILED else None,
    )


def link(about: Circumstance) -> Link:
    return Link(
        source=SOURCE,
        digest="sha256:ab",
        manifest_digest="sha256:cd",
        public=about.is_so,
        resolved_at=about.now,
        artifact="key",
        image="one:ab",
    )


def delivery(about: Circumstance) -> images.Delivery:
    return images.Delivery(
        pin=FILE,
        file=DeliveredFile(size_bytes=4096, mtime_s=0.0),
        acl=about.acl,
        acl_version=about.acl_version,
        run_config=RunConfig() if about.is_so else None,
        remarks=(),
    )


Decision = Callable[[Any, Circumstance], Patch | None]

PULL_DECISIONS: dict[str, Decision] = {
    "admit": lambda p, c: pulls.admit(p, c.now),
    "link": lambda p, c: pulls.link(p, link(c)),
    "end_resolve": lambda p, c: pulls.end_resolve(
        p, Rounds(artifact=c.round, image=c.round, acl=c.round), wished=c.acl, now=c.now
    ),
    "replace_wish": lambda p, c: pulls.replace_wish(p, c.acl, c.now),
    "move": lambda p, c: pulls.move(p, c.status),
    "finish": lambda p, c: pulls.finish(p, c.now),
    "fail": lambda p, c: pulls.fail(p, FAILURE, c.now),
}

ANY_ARTIFACT: dict[str, Decision] = {
    "join": lambda a, c: artifacts.join(a, SOURCE, c.now, needed=c.is_so),
    "begin": lambda a, c: artifacts.begin(a, c.now),
    "lose": lambda a, c: artifacts.lose(a, c.round, c.now),
}
_A = ArtifactState
ARTIFACT_ENDINGS: dict[str, tuple[tuple[ArtifactState, ...], Decision]] = {
    "list_blobs": ((_A.FETCH,), lambda _, c: artifacts.list_blobs(LAYER, [LAYER] * c.round)),
    "end_fetch": ((_A.FETCH,), lambda _, c: artifacts.end_fetch([LAYER], RunConfig(), large=c.is_so, now=c.now)),
    "end_convert": (
        (_A.CONVERT,),
        lambda _, c: artifacts.end_convert(FILE, {}, "sha256:ef" if c.round else None, examine=c.is_so, now=c.now),
    ),
    "refetch": ((_A.CONVERT, _A.EXAMINE), lambda _, c: artifacts.refetch("sha256:01", c.now)),
    "go_idle": (tuple(ARTIFACT_STEPS), lambda *_: artifacts.go_idle()),
    "fail": (tuple(ARTIFACT_STEPS), lambda *_: artifacts.fail(FAILURE)),
}
"""What only a holder says, in the states in which the step is there to be held."""

ANY_IMAGE: dict[str, Decision] = {
    "join": lambda i, c: images.join(i, PLACING, public=c.is_so, acl=c.acl, now=c.now),
    "begin": lambda i, c: images.begin(i, "key", c.now),
    "want": lambda i, _: images.want(i),
    "miss": lambda i, c: images.miss(i, c.now),
    "give_up_restoring": lambda i, _: images.give_up_restoring(i, FAILURE),
    "touch": lambda i, c: images.touch(i, c.now, c.uid, c.now),
    "use": lambda i, c: images.use(i, c.now),
    "expire_soon": lambda i, c: images.expire_soon(i, c.now),
    "expire": lambda i, c: images.expire(i, c.now),
}
_I = ImageState
IMAGE_ENDINGS: dict[str, tuple[tuple[ImageState, ...], Decision]] = {
    "pin_file": ((_I.DELIVER, _I.READY), lambda i, _: images.pin_file(i, FILE)),
    "end_deliver": ((_I.DELIVER, _I.READY), lambda i, c: images.end_deliver(i, delivery(c), c.now)),
    "wait_for_artifact": ((_I.DELIVER, _I.READY), lambda i, _: images.wait_for_artifact(i)),
    "end_remove_meta": ((_I.EXPIRING,), lambda i, c: images.end_remove_meta(i, timedelta(days=1), c.now)),
    "end_remove_file": ((_I.EXPIRING,), lambda i, c: images.end_remove_file(i, c.now)),
    "fail": ((_I.DELIVER, _I.READY, _I.EXPIRING), lambda i, c: images.fail(i, FAILURE, c.now)),
}
"""Likewise."""


def says_one_thing_of_each_field(record: Pull | Artifact | Image, patch: Patch) -> None:
    assert not set(patch.set) & set(patch.unset)
    _, update = as_update(as_document(record), patch, Mark(change="c", at=NOW, host="host/1"))
    assert not set(update["$set"]) & set(update.get("$unset", {}))


@pytest.mark.parametrize("decision", PULL_DECISIONS.values(), ids=PULL_DECISIONS.keys())
@given(pull=any_pull(), about=CIRCUMSTANCES)
def test_a_pull_changes_legally_and_has_nothing_to_do_once_it_ends(
    decision: Decision, pull: Pull, about: Circumstance
) -> None:
    patch = decision(pull, about)

    if patch is None:
        return
    says_one_thing_of_each_field(pull, patch)
    if "status" in patch.set:
        assert is_legal_for_pull(pull.status, patch.set["status"])
    assert (patch.set.get("status") in ENDS) is ("live" in patch.unset)
    if patch.set.get("status") in ENDS:
        assert "work" in patch.unset
        assert patch.set["ended"] == about.now


@pytest.mark.parametrize("decision", ANY_ARTIFACT.values(), ids=ANY_ARTIFACT.keys())
@given(artifact=any_artifact(), about=CIRCUMSTANCES)
def test_an_artifact_changes_legally(decision: Decision, artifact: Artifact, about: Circumstance) -> None:
    is_legal_artifact_change(artifact, decision(artifact, about))


@pytest.mark.parametrize(("states", "ending"), ARTIFACT_ENDINGS.values(), ids=ARTIFACT_ENDINGS.keys())
@given(data=st.data(), about=CIRCUMSTANCES)
def test_the_step_of_an_artifact_ends_legally(
    states: tuple[ArtifactState, ...], ending: Decision, data: st.DataObject, about: Circumstance
) -> None:
    artifact = data.draw(any_artifact(*states))

    is_legal_artifact_change(artifact, ending(artifact, about))


@pytest.mark.parametrize("decision", ANY_IMAGE.values(), ids=ANY_IMAGE.keys())
@given(image=any_image(), about=CIRCUMSTANCES)
def test_an_image_changes_legally(decision: Decision, image: Image, about: Circumstance) -> None:
    is_legal_image_change(image, decision(image, about))


@pytest.mark.parametrize(("states", "ending"), IMAGE_ENDINGS.values(), ids=IMAGE_ENDINGS.keys())
@given(data=st.data(), about=CIRCUMSTANCES)
def test_the_step_of_an_image_ends_legally(
    states: tuple[ImageState, ...], ending: Decision, data: st.DataObject, about: Circumstance
) -> None:
    image = data.draw(any_image(*states).filter(lambda image: image.work is not None))

    is_legal_image_change(image, ending(image, about))


def is_legal_artifact_change(artifact: Artifact, patch: Patch | None) -> None:
    if patch is None:
        return
    says_one_thing_of_each_field(artifact, patch)
    state = patch.set.get("state", artifact.state)
    assert is_legal_for_artifact(artifact.state, state)
    assert (_work_after(artifact, patch) is not None) is (state in ARTIFACT_STEPS)


def is_legal_image_change(image: Image, patch: Patch | None) -> None:
    if patch is None:
        return
    says_one_thing_of_each_field(image, patch)
    state = patch.set.get("state", image.state)
    assert is_legal_for_image(image.state, state)
    work = _work_after(image, patch)
    if state in {_I.DELIVER, _I.EXPIRING}:
        assert work is not None
    elif state is not _I.READY:
        assert work is None


def _work_after(record: Artifact | Image, patch: Patch) -> Work | None:
    work: Work | None = None if "work" in patch.unset else patch.set.get("work", record.work)
    return work


@given(uid=st.sampled_from([1000, 1001]), resolved_at=TIMES, public=st.booleans())
def test_a_tag_never_goes_back_in_time(uid: int, resolved_at: datetime, public: bool) -> None:
    tag = a_tag()
    patch = tags.point(tag, a_pull(uid=uid, public=public), an_image(), resolved_at)

    assert patch is None or patch.set.get("resolved_at", tag.resolved_at) >= tag.resolved_at


@pytest.mark.parametrize(
    ("module", "covered"),
    [
        (pulls, set(PULL_DECISIONS)),
        (artifacts, {*ANY_ARTIFACT, *ARTIFACT_ENDINGS}),
        (images, {*ANY_IMAGE, *IMAGE_ENDINGS}),
    ],
    ids=["pulls", "artifacts", "images"],
)
def test_no_decision_is_left_out(module: ModuleType, covered: set[str]) -> None:
    decisions = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
        and getattr(value, "__annotations__", {}).get("return") in {"Patch", "Patch | None"}
    }

    assert decisions == covered
