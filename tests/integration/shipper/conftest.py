"""A site on real directories."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.delivering import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    store_dir, image_dir = tmp_path / "store", tmp_path / "images"
    store_dir.mkdir()
    image_dir.mkdir()
    return Site(store_dir=store_dir, image_dir=image_dir)
