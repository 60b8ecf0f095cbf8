"""An image whose delivery finds that its file is gone."""

from __future__ import annotations

import pytest

from imagegw.domain import images
from imagegw.domain.records import FileRef, Image
from imagegw.domain.status import ImageState, is_legal_for_image

PIN = FileRef(digest="sha256:" + "1" * 64, size_bytes=1)


def image(state: ImageState) -> Image:
    return Image(id="p:i", platform="p", image_id="i", state=state)


@pytest.mark.parametrize("state", [ImageState.DELIVER, ImageState.READY])
def test_from_the_pin_on_no_file_stands_and_the_image_is_not_ready(state: ImageState) -> None:
    patch = images.pin_file(image(state), PIN)

    assert (patch.set["state"], patch.set["pin"]) == (ImageState.DELIVER, PIN)
    assert "file" in patch.unset


@pytest.mark.parametrize(
    ("state", "restored"), [(ImageState.DELIVER, False), (ImageState.READY, True)], ids=["new", "was ready"]
)
def test_what_was_ready_is_restored_when_the_store_has_lost_it_too(state: ImageState, restored: bool) -> None:
    patch = images.wait_for_artifact(image(state))

    assert patch.set["is_restoring"] is restored
    assert is_legal_for_image(state, patch.set["state"])
