"""`.meta`: what the runtime reads is what was meant, whatever the image says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegw.domain.acl import LARGEST_ID, Acl
from imagegw.domain.metafile import Meta, render_meta
from imagegw.errors import RequestInvalid
from tests.unit.runtime_meta import BLANKS, Understood, read_as_the_runtime

ids = st.lists(st.integers(min_value=0, max_value=LARGEST_ID), max_size=8).map(tuple)
# Built of what is dangerous in the file, besides any text at all (lone surrogates among it).
hostile = st.lists(
    st.sampled_from(
        ["\n", "\r", "\\", "'", ":", "=", "#", " ", "\t", "\0", "USERACL: 0", "['", "']", ", ", "x", "é"]
    )
    | st.text(st.characters(), max_size=3),
    max_size=6,
).map("".join)
metas = st.builds(
    Meta,
    acl=st.none() | st.builds(Acl, uids=ids, gids=ids).filter(lambda acl: acl != Acl()),
    entry=st.lists(hostile, max_size=3).map(tuple),
    cmd=st.lists(hostile, max_size=3).map(tuple),
    workdir=hostile,
    env=st.lists(hostile | st.tuples(hostile, hostile).map("=".join), max_size=4).map(tuple),
)


def read(meta: Meta) -> Understood:
    return read_as_the_runtime(render_meta(meta).text.encode())


def test_the_file_of_a_private_image_byte_for_byte() -> None:
    meta = Meta(
        acl=Acl(uids=(1001, 1000), gids=(500,)),
        entry=("/bin/sh", "-c"),
        cmd=("echo hello",),
        workdir="/home",
        env=("PATH=/usr/bin:/bin", "LANG=C.UTF-8"),
    )
    assert render_meta(meta).text == (
        "FORMAT: squashfs\n"
        "USERACL: 1000,1001\n"
        "GROUPACL: 500\n"
        "ENTRY: ['/bin/sh', '-c']\n"
        "CMD: ['echo hello']\n"
        "WORKDIR: /home\n"
        "ENV: PATH=/usr/bin:/bin\n"
        "ENV: LANG=C.UTF-8\n"
    )
    assert render_meta(meta).remarks == ()


def test_a_public_image_has_no_acl_line() -> None:
    assert render_meta(Meta(acl=None)).text == "FORMAT: squashfs\n"


def test_an_acl_that_admits_nobody_is_refused_and_not_written_as_public() -> None:
    with pytest.raises(RequestInvalid, match="nobody"):
        render_meta(Meta(acl=Acl()))


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("it's", "single quote"),
        ("a\nUSERACL: 0", "line break"),
        ("a\rb", "line break"),
        ("a\0b", "zero byte"),
    ],
)
def test_a_list_with_a_word_that_cannot_be_said_is_left_out_and_said_so(word: str, reason: str) -> None:
    rendered = render_meta(Meta(acl=None, entry=("/bin/echo", word), cmd=("ok",)))
    assert rendered.text == "FORMAT: squashfs\nCMD: ['ok']\n"
    assert len(rendered.remarks) == 1
    assert rendered.remarks[0].startswith("ENTRY: left out")
    assert reason in rendered.remarks[0]


def test_a_list_that_the_runtime_has_no_room_for_is_left_out_and_said_so() -> None:
    assert render_meta(Meta(acl=None, entry=("x",) * 1000)).remarks == ()
    rendered = render_meta(Meta(acl=None, entry=("x",) * 1001))
    assert rendered.text == "FORMAT: squashfs\n"
    assert rendered.remarks == ("ENTRY: left out: it has 1001 words, the runtime takes 1000",)


@pytest.mark.parametrize(
    "variable",
    ["NAME", "=x", "EMPTY=", "BLANK=  ", "A=b\nUSERACL: 0", "A=b\\", "A=b\\ ", "A=\ud800", "A=b\rc", "A=\0"],
)
def test_a_variable_that_cannot_be_said_is_left_out_and_said_so(variable: str) -> None:
    rendered = render_meta(Meta(acl=None, env=(variable, "KEPT=1")))
    assert rendered.text == "FORMAT: squashfs\nENV: KEPT=1\n"
    assert len(rendered.remarks) == 1


def test_blanks_at_the_ends_of_a_variable_are_lost_and_said_so() -> None:
    rendered = render_meta(Meta(acl=None, env=("PS1=$ ",)))
    assert rendered.text == "FORMAT: squashfs\nENV: PS1=$\n"
    assert rendered.remarks == ("ENV PS1: blanks at its ends are lost",)


@pytest.mark.parametrize("workdir", [" /x", "/x ", "/x\\", "/a\nENV: A=b", "/\0"])
def test_a_directory_that_cannot_be_said_is_left_out_and_said_so(workdir: str) -> None:
    rendered = render_meta(Meta(acl=None, workdir=workdir))
    assert rendered.text == "FORMAT: squashfs\n"
    assert rendered.remarks[0].startswith("WORKDIR")


def test_a_remark_never_carries_a_control_character_or_a_long_name() -> None:
    rendered = render_meta(Meta(acl=None, env=("A\x1b[2J\nB=c", "N" * 5000 + "=")))
    assert all(remark.isprintable() and len(remark) < 200 for remark in rendered.remarks)


@given(metas)
def test_no_image_reaches_the_acl_or_spoils_the_file(meta: Meta) -> None:
    understood = read(meta)
    assert understood.image_format == "squashfs"
    assert understood.is_public == (meta.acl is None)
    acl = meta.acl or Acl()
    assert tuple(understood.uids or ()) == acl.uids
    assert tuple(understood.gids or ()) == acl.gids
    expected = ["FORMAT", *(["USERACL"] if acl.uids else []), *(["GROUPACL"] if acl.gids else [])]
    assert understood.order[: len(expected)] == expected
    assert not {"FORMAT", "USERACL", "GROUPACL"} & set(understood.order[len(expected) :])


@given(metas)
def test_what_the_runtime_reads_is_what_the_image_says_or_is_remarked(meta: Meta) -> None:
    rendered = render_meta(meta)
    understood = read_as_the_runtime(rendered.text.encode())
    remarked = {remark.partition(":")[0] for remark in rendered.remarks}
    assert understood.entry == (list(meta.entry) or None) or ("ENTRY" in remarked and understood.entry is None)
    assert understood.cmd == (list(meta.cmd) or None) or ("CMD" in remarked and understood.cmd is None)
    assert understood.workdir == (meta.workdir or None) or ("WORKDIR" in remarked and understood.workdir is None)
    blanks = BLANKS.decode()
    said = [variable.strip(blanks) for variable in meta.env]
    for name, value in understood.env.items():
        assert f"{name}={value}" in said
    lost = len(meta.env) - understood.order.count("ENV")
    assert lost <= len([remark for remark in rendered.remarks if remark.startswith("ENV")])
