"""What the documents name exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

# A path of the repository in a code span: `shared/imagegw/errors.py`, `docs/`, `Makefile`.
PATH = re.compile(
    r"`((?:shared|services|cli|tests|docs|scripts|bench|deploy)/[\w./-]*"
    r"|[\w.-]+\.(?:md|toml|yaml|txt)|Makefile|Dockerfile)`"
)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
TARGET = re.compile(r"`make ([a-z-]+)`|^    make ([a-z-]+)", re.MULTILINE)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_paths_in_code_spans_exist(document: Path) -> None:
    paths = PATH.findall(document.read_text(encoding="utf-8"))

    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_lead_somewhere(document: Path) -> None:
    links = LINK.findall(document.read_text(encoding="utf-8"))

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_make_targets_exist(document: Path) -> None:
    named = {first or second for first, second in TARGET.findall(document.read_text(encoding="utf-8"))}
    there = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert named <= there


def test_the_readme_is_read() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert "shared/imagegw/" in PATH.findall(readme)
    assert "docs/architecture.md" in LINK.findall(readme)
    assert {"setup", "test"} <= {second for _, second in TARGET.findall(readme)}
