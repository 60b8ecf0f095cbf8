"""An image whose file went missing is brought back."""

from __future__ import annotations

from imagegw.domain import artifacts, images
from imagegw.domain.records import Artifact, Image
from tests.unit.interleavings.actors import do, worker
from tests.unit.interleavings.gateway import Gateway
from tests.unit.interleavings.preparing import ARTIFACT, IMAGE, until_ready
from tests.unit.interleavings.scenario import Scenario


def _miss(gateway: Gateway) -> None:
    """A look at the platform finds the image's file gone."""
    gateway.platform.files.clear()
    gateway.platform.metas.clear()
    gateway.desk("look").change(Image, IMAGE, lambda image: images.miss(image, gateway.clock))


def _lost_from_the_store(gateway: Gateway) -> None:
    gateway.desk("store").change(Artifact, ARTIFACT, lambda a: artifacts.lose(a, a.round, gateway.clock))


def _lost_on_both_sides(gateway: Gateway) -> None:
    until_ready(gateway)
    _miss(gateway)
    _lost_from_the_store(gateway)
    do(gateway, "artifact", ARTIFACT)


def _stands_again(gateway: Gateway) -> None:
    assert gateway.image().state == "READY", f"nobody brings the image back: it is {gateway.image().state}"


RESTORE_AGAINST_MADE = Scenario(
    prepare=_lost_on_both_sides,
    actors=lambda g: {
        "shipper": worker(g, "shipper", "image", IMAGE),
        "converter": worker(g, "converter", "artifact", ARTIFACT),
    },
    check=_stands_again,
)
