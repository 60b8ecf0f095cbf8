"""Whose login a fetch borrows, and whom a refusal concerns."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagegw.domain.records import Source
from imagegw.domain.status import ArtifactState, ImageState
from imagegw.errors import ImageTooLarge, ManifestUnknown, RegistryDenied, RegistryFailed
from imagegw.pipeline.performing import Result
from imagegw_puller.fetch import FetchLimits
from tests.support.lending import CONFIG, LAYER, MANIFEST, SITE, Scene, digest_of

DENIED = RegistryDenied("you may not read team/app")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "store")


def test_the_login_of_the_oldest_pull_is_borrowed(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.fetch()

    assert scene.registry.asked == ["ann"]
    assert scene.artifact.state is ArtifactState.CONVERT
    assert all(scene.store.has(digest_of(body)) for body in (MANIFEST, CONFIG, LAYER))


def test_a_refused_login_fails_its_own_pull_and_the_next_is_tried(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.registry.refusals["ann"] = DENIED
    scene.fetch()

    assert scene.registry.asked == ["ann", "bob"]
    assert (scene.code("ann"), scene.code("bob")) == ("registry_denied", None)
    assert scene.artifact.state is ArtifactState.CONVERT


def test_a_login_that_is_refused_in_mid_fetch_fails_its_own_pull_too(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.registry.blob_refusals["ann"] = DENIED
    scene.fetch()

    assert (scene.code("ann"), scene.code("bob")) == ("registry_denied", None)
    assert scene.artifact.state is ArtifactState.CONVERT


def test_a_repository_that_is_hidden_from_one_is_not_hidden_from_the_next(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.registry.refusals["ann"] = ManifestUnknown("team/app has no such manifest")
    scene.fetch()

    assert (scene.code("ann"), scene.code("bob")) == ("manifest_unknown", None)
    assert scene.artifact.state is ArtifactState.CONVERT


def test_a_pull_whose_platform_has_left_the_configuration_fails_alone(scene: Scene) -> None:
    scene.add("ann", platform="gone")
    scene.add("bob")
    scene.fetch()

    assert (scene.code("ann"), scene.code("bob")) == ("platform_removed", None)
    assert scene.artifact.state is ArtifactState.CONVERT


def test_a_pull_whose_location_has_left_the_configuration_fails_alone(scene: Scene) -> None:
    scene.add("ann", source=Source(location="gone", repository="team/app"))
    scene.add("bob")
    scene.fetch()

    assert (scene.code("ann"), scene.code("bob")) == ("registry_forbidden", None)
    assert scene.artifact.state is ArtifactState.CONVERT


def test_a_login_that_cannot_be_read_is_passed_over(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.logins.unusable = {"ann"}
    scene.fetch()

    assert scene.registry.asked == ["bob"]
    assert (scene.code("ann"), scene.code("bob")) == (None, None)
    assert scene.artifact.state is ArtifactState.CONVERT


def test_when_no_login_can_be_read_the_step_is_put_off(scene: Scene) -> None:
    scene.add("ann")
    scene.logins.unusable = {"ann"}

    assert scene.fetch().result is Result.PUT_OFF
    assert scene.code("ann") is None


def test_a_public_image_needs_no_login_of_a_user(scene: Scene) -> None:
    scene.add("ann", public=True)
    scene.logins.unusable = {"ann"}
    scene.registry.site_login = SITE
    scene.fetch()

    assert scene.registry.asked == ["site"]


def test_the_sites_login_never_reads_a_private_image(scene: Scene) -> None:
    scene.add("ann")
    scene.registry.site_login = SITE
    scene.registry.refusals["ann"] = DENIED
    scene.fetch()

    assert scene.registry.asked == ["ann"]
    assert not scene.store.has(digest_of(LAYER))


def test_when_all_are_refused_the_artifact_rests(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.registry.refusals = {"ann": DENIED, "bob": DENIED}
    performed = scene.fetch()

    assert performed.result is Result.DONE
    assert (scene.code("ann"), scene.code("bob")) == ("registry_denied", "registry_denied")
    assert (scene.artifact.state, scene.artifact.work) == (ArtifactState.IDLE, None)


def test_without_anybody_who_waits_no_registry_is_asked(scene: Scene) -> None:
    scene.fetch()

    assert scene.registry.asked == []
    assert scene.artifact.state is ArtifactState.IDLE


def test_a_pull_that_comes_while_the_last_login_is_refused_is_tried_too(scene: Scene) -> None:
    scene.add("ann")
    scene.registry.refusals["ann"] = DENIED
    scene.registry.when_asked = lambda: scene.add("bob") if scene.registry.asked == ["ann"] else None
    scene.fetch()

    assert scene.registry.asked == ["ann", "bob"]
    assert scene.artifact.state is ArtifactState.CONVERT


def test_a_lost_file_is_fetched_on_nobodys_behalf(scene: Scene) -> None:
    scene.restoring()
    scene.fetch()

    assert scene.registry.asked == [None]
    assert scene.artifact.state is ArtifactState.CONVERT


def test_a_lost_file_that_nobody_may_fetch_is_given_up_with_the_reason(scene: Scene) -> None:
    scene.restoring()
    scene.registry.refusals[None] = DENIED
    scene.fetch()

    assert scene.image.state is ImageState.EXPIRED
    assert scene.image.error is not None
    assert scene.image.error.code == "registry_denied"
    assert scene.artifact.state is ArtifactState.IDLE


def test_a_pulls_login_restores_what_nobody_else_may_fetch(scene: Scene) -> None:
    scene.restoring()
    scene.add("ann")
    scene.fetch()

    assert scene.registry.asked == ["ann"]


def test_a_registry_that_fails_is_nobodys_fault(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.registry.refusals["ann"] = RegistryFailed("it says 500")

    assert scene.fetch().result is Result.PUT_OFF
    assert (scene.code("ann"), scene.code("bob")) == (None, None)


def test_what_is_wrong_with_the_image_itself_fails_all_who_wait(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.limits = FetchLimits(layer_bytes=1)
    performed = scene.fetch()

    assert isinstance(performed.error, ImageTooLarge)
    assert scene.artifact.state is ArtifactState.FAILED
    assert (scene.code("ann"), scene.code("bob")) == ("image_too_large", "image_too_large")
