"""`imagegw convert`: the same code with no broker and no database."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from imagegw_cli.__main__ import main
from tests.support.layered_images import (
    file,
    hard_link,
    image_of,
    layer_of,
    tar_of,
    unpack_squashfs,
    whiteout,
    write_oci_layout,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("tar2sqfs") is None, reason="tar2sqfs is not installed"),
    pytest.mark.skipif(shutil.which("unsquashfs") is None, reason="unsquashfs is not installed"),
]
needs_skopeo = pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    image = image_of([file("a", "x"), hard_link("b", "a"), file("gone")], [whiteout("gone")])
    return write_oci_layout(tmp_path / "layout", image, tag="1.0")


def imagegw(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["convert", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("tag", ["", ":1.0"])
def test_an_oci_layout_is_converted(layout: Path, tmp_path: Path, tag: str) -> None:
    output = tmp_path / "image.squashfs"
    status, said, _ = imagegw(f"oci:{layout}{tag}", "-o", output)
    assert status == 0
    assert said.startswith(f"{output}: ")
    assert set(unpack_squashfs(output, tmp_path / "unpacked")) == {b"", b"a", b"b"}


def test_json_is_the_record(layout: Path, tmp_path: Path) -> None:
    status, said, _ = imagegw(f"oci:{layout}", "-o", tmp_path / "x", "--json", "--modes", "keep")
    record = json.loads(said)
    assert status == 0
    assert record["options"]["policy"]["modes"] == "keep"
    assert record["counts"]["hard_links"] == 1
    assert record["provenance"]["predicateType"] == "https://slsa.dev/provenance/v1"


@needs_skopeo
def test_a_docker_archive_is_converted_to_the_same_bytes(layout: Path, tmp_path: Path) -> None:
    archive = tmp_path / "saved.tar"
    subprocess.run(["skopeo", "copy", "-q", f"oci:{layout}:1.0", f"docker-archive:{archive}"], check=True)
    assert imagegw(f"oci:{layout}", "-o", tmp_path / "a")[0] == 0
    assert imagegw(f"docker-archive:{archive}", "-o", tmp_path / "b")[0] == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("ubuntu:24.04", "SOURCE is oci:… or docker-archive:…, found ubuntu:24.04"),
        ("oci:", "SOURCE is"),
        ("oci:{layout}:2.0", "has 0 images tagged 2.0, expected one of: 1.0"),
        ("oci:{layout}/nowhere", "cannot be read"),
        ("docker-archive:{layout}/nowhere", "there is no file"),
        ("docker-archive:{layout}/index.json", "is no uncompressed docker-archive"),
    ],
)
def test_a_source_that_is_none_is_explained(layout: Path, tmp_path: Path, source: str, said: str) -> None:
    status, _, error = imagegw(source.format(layout=layout), "-o", tmp_path / "x")
    assert status == 1
    assert said in error
    assert not (tmp_path / "x").exists()


def test_a_manifest_that_is_not_what_the_index_names_is_refused(layout: Path, tmp_path: Path) -> None:
    digest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    blob = layout / "blobs" / "sha256" / digest.removeprefix("sha256:")
    blob.write_text(blob.read_text() + " ")
    status, _, error = imagegw(f"oci:{layout}", "-o", tmp_path / "x")
    assert status == 1
    assert f"expected a blob {digest}" in error


def test_a_missing_layer_is_named(tmp_path: Path) -> None:
    layer = layer_of(tar_of([file("a")]))
    layout = write_oci_layout(tmp_path / "layout", image_of(layer))
    (layout / "blobs" / "sha256" / layer.digest.removeprefix("sha256:")).unlink()
    status, _, error = imagegw(f"oci:{layout}", "-o", tmp_path / "x")
    assert status == 1
    assert layer.digest in error


def test_a_wrong_option_is_a_usage_error(layout: Path, tmp_path: Path) -> None:
    status, _, error = imagegw(f"oci:{layout}", "-o", tmp_path / "x", "--level", "30")
    assert status == 2
    assert "zstd has levels 1 to 22" in error
