"""What holds for every committed file: sizes, docstrings, and nothing of the place it was written in."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("shared", "services", "cli")
MOST_LINES = 400


def committed_files() -> list[Path]:
    """What git tracks, and what it would if everything were added."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


FILES = committed_files()
MODULES = [path for path in FILES if path.suffix == ".py" and path.stat().st_size > 0]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_module_says_its_reason_to_exist(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert docstring


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_module_is_short_enough_to_be_read_at_once(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < MOST_LINES


# In two halves each, so that this file does not find itself.
INDEX_ADDRESSES = ("--index|-url", "--extra-index|-url", "--find|-links", "python|hosted", "pypi.org|/simple")
INDEX_ADDRESS = re.compile("|".join(re.escape(each.replace("|", "")) for each in INDEX_ADDRESSES))


def test_no_file_names_a_package_index() -> None:
    found = [
        f"{name(path)}: {match[0]}"
        for path in FILES
        if (match := INDEX_ADDRESS.search(path.read_text(encoding="utf-8", errors="replace")))
    ]

    assert not found


@pytest.mark.parametrize("address", INDEX_ADDRESSES)
def test_an_index_address_would_be_found(address: str) -> None:
    assert INDEX_ADDRESS.search(f"pip install {address.replace('|', '')}=x")


def test_every_pinned_package_has_a_hash() -> None:
    for path in ROOT.glob("requirements*.txt"):
        pins = re.findall(r"^\S+==\S+.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)*", path.read_text(), re.MULTILINE)

        assert pins
        assert all("--hash=sha256:" in pin for pin in pins), path.name
