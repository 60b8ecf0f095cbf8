"""Options of a conversion, the artifact's key, and the older gateway's way to say options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from imagegw.config import parse
from imagegw.config.conversion_options import conversion_options
from imagegw.domain.artifact_key import artifact_key, canonical_json, key_document
from imagegw.domain.conversion import ConversionOptions, Limits, Policy
from imagegw.domain.mksquashfs_options import with_converter_options
from imagegw.errors import ConfigurationInvalid

DATA = Path(__file__).parents[2] / "data"
MANIFEST = "sha256:" + "a" * 64
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner),
)


@given(JSON)
@settings(deadline=None)
def test_canonical_json_is_rfc_8785(value: Any) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)


def test_the_key_is_the_same_for_ever() -> None:
    assert artifact_key(MANIFEST, ConversionOptions()) == (
        "4b72ff1eb6e8422ee85a7d819e62464c3e9ed3bc1014b940422863eba91b166c"
    )


def test_the_key_is_the_hash_of_what_decides_the_bytes() -> None:
    assert key_document(MANIFEST, ConversionOptions()) == {
        "version": 1,
        "manifest": MANIFEST,
        "format": "squashfs",
        "options": {
            "block_bytes": 131072,
            "compressor": "zstd",
            "level": 3,
            "policy": {
                "ownership": "root",
                "modes": "readable",
                "restricted_files": "readable",
                "setuid": "drop",
                "xattrs": "drop",
                "devices": "drop",
                "dev_content": "drop",
            },
        },
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"limits": Limits(entries=7)}, {"processors": 1}, {"memory_bytes": 1 << 30}, {"writer": "mksquashfs"},
        {"level": 3},
    ],
)  # fmt: skip
def test_options_that_change_no_byte_change_no_key(changed: dict[str, Any]) -> None:
    assert artifact_key(MANIFEST, ConversionOptions(**changed)) == artifact_key(MANIFEST, ConversionOptions())


@pytest.mark.parametrize(
    "changed", [{"level": 4}, {"compressor": "gzip"}, {"block_bytes": 4096}, {"policy": Policy(setuid="keep")}]
)
def test_options_that_change_bytes_change_the_key(changed: dict[str, Any]) -> None:
    assert artifact_key(MANIFEST, ConversionOptions(**changed)) != artifact_key(MANIFEST, ConversionOptions())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"level": 23}, "zstd has levels 1 to 22, found 23"),
        ({"compressor": "lz4", "level": 1}, "lz4 has no levels"),
        ({"block_bytes": 5000}, "a power of two, found 5000"),
        ({"block_bytes": 2 << 20}, "less than or equal"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_wrong_options_are_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ConversionOptions(**wrong)


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        ("", {}),
        ([], {}),
        ("-comp gzip", {"compressor": "gzip"}),
        (["-comp", "zstd", "-Xcompression-level", "9"], {"level": 9}),
        ("-b 1M -processors 8 -mem 512M", {"block_bytes": 1 << 20, "processors": 8, "memory_bytes": 512 << 20}),
        ("-b 65536", {"block_bytes": 65536}),
        ("-noappend -no-progress -all-root", {}),
        ("-xattrs", {"policy": Policy(xattrs="keep")}),
    ],
)
def test_mksquashfs_arguments_that_still_mean_something_are_mapped(
    arguments: str | list[str], changed: dict[str, Any]
) -> None:
    assert with_converter_options(ConversionOptions(), {"squashfs": arguments}) == ConversionOptions(**changed)


def test_another_compressor_has_its_own_level() -> None:
    options = with_converter_options(ConversionOptions(level=19), {"squashfs": "-comp gzip"})
    assert options.effective_level == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"squashfs": "-Xbcj"}, "mean nothing to a gateway.* found -Xbcj"),
        ({"squashfs": "-comp"}, "a name after -comp, found the end"),
        ({"squashfs": "-comp rar"}, "found -comp rar"),
        ({"squashfs": "-b large"}, "a number after -b, found large"),
        ({"squashfs": "-Xcompression-level 30"}, "zstd has levels 1 to 22"),
        ({"squashfs": "-comp 'zstd"}, "No closing quotation"),
        ({"ext4": ""}, "the format squashfs, found ext4"),
    ],
)
def test_arguments_that_mean_nothing_or_are_wrong_are_refused(arguments: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=said):
        with_converter_options(ConversionOptions(), arguments)


def test_every_wrong_argument_is_named_at_once() -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        with_converter_options(ConversionOptions(), {"squashfs": "-Xbcj -b x", "ext4": "-j"})
    assert [problem.found for problem in refused.value.errors] == ["ext4", "-Xbcj", "x"]


def test_a_sites_configuration_says_all_of_it() -> None:
    site = json.loads((DATA / "local.json").read_text()) | {
        "Conversion": {"compressor": "gzip", "policy": {"restrictedFiles": "closed"}},
        "ImageLimits": {"entries": 10, "duration": "1h"},
        "ConverterOptions": {"squashfs": "-Xcompression-level 6 -noappend"},
    }
    assert conversion_options(parse(site, {}, source="site")) == ConversionOptions(
        compressor="gzip",
        level=6,
        policy=Policy(restricted_files="closed"),
        limits=Limits(entries=10, duration_s=3600),
    )


def test_the_samples_say_the_defaults() -> None:
    site = json.loads((DATA / "local.json").read_text())
    assert conversion_options(parse(site, {}, source="site")) == ConversionOptions()
