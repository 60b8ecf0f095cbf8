"""The names of our files, and what is none of ours."""

from __future__ import annotations

import pytest

from imagegw.domain.files import Names
from imagegw.errors import RequestInvalid

ID = "ab" * 32
CLAIM = "c" * 32
NAMES = Names(ID)


def test_files_are_called_after_the_image() -> None:
    assert (NAMES.file, NAMES.meta) == (f"{ID}.squashfs", f"{ID}.meta")


def test_both_temporaries_are_hidden_and_known_again() -> None:
    for name in (NAMES.temporary(CLAIM), NAMES.meta_temporary(CLAIM)):
        assert name.startswith(f".{ID}.{CLAIM}.")
        assert NAMES.is_temporary(name)


def test_only_one_of_them_is_of_the_image_itself() -> None:
    assert NAMES.is_of_image(NAMES.temporary(CLAIM))
    assert not NAMES.is_of_image(NAMES.meta_temporary(CLAIM))


@pytest.mark.parametrize(
    "name",
    [
        NAMES.file,
        NAMES.meta,
        Names("cd" * 32).temporary(CLAIM),
        f".{ID}.{CLAIM}.partial",
        f".{ID}.{CLAIM}.tmp\n",
        f".{ID}.{CLAIM}.tmp.tmp",
        f".{ID}.{CLAIM[1:]}.tmp",
        f".{ID}.{CLAIM.upper()}.tmp",
        f"x.{ID}.{CLAIM}.tmp",
        f"{ID}.{CLAIM}.tmp",
        f"../.{ID}.{CLAIM}.tmp",
    ],
)
def test_nothing_else_is_a_temporary_of_it(name: str) -> None:
    assert not NAMES.is_temporary(name)
    assert not NAMES.is_of_image(name)


@pytest.mark.parametrize("image_id", ["", "ab", "AB" * 32, "ab" * 31 + "a/", "../" + ID, ID + "\n", "ab" * 65])
def test_no_file_is_called_after_what_is_no_digest(image_id: str) -> None:
    with pytest.raises(RequestInvalid):
        Names(image_id)
