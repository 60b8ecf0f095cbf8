"""References, both ways, and against the grammar's own library."""

from __future__ import annotations

import pytest
from docker_image import reference as oracle  # type: ignore[import-untyped]
from hypothesis import assume, given
from hypothesis import strategies as st

from imagegw.domain.reference import Reference, normalise_typed_tag, parse_reference
from imagegw.errors import ReferenceInvalid

DIGEST = "sha256:" + "0123456789abcdef" * 4
LOCATIONS = ("", "quay.io", "site.org:5000", "localhost")

component = st.from_regex(r"[a-z0-9]{1,6}(?:(?:[._]|__|-{1,3})[a-z0-9]{1,6}){0,2}", fullmatch=True)
repository = st.lists(component, min_size=1, max_size=4).map("/".join)
tag = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)
digest = st.from_regex(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", fullmatch=True)


def parse(text: str, default: str = "") -> Reference:
    return parse_reference(text, locations=LOCATIONS, default_location=default)


@pytest.mark.parametrize(
    ("text", "location", "repository", "tag", "digest"),
    [
        ("ubuntu", "", "library/ubuntu", "latest", None),
        ("ubuntu:24.04", "", "library/ubuntu", "24.04", None),
        ("library/ubuntu", "", "library/ubuntu", "latest", None),
        ("team/tool:1", "", "team/tool", "1", None),
        ("docker.io/ubuntu:1", "", "library/ubuntu", "1", None),
        ("index.docker.io/library/ubuntu:1", "", "library/ubuntu", "1", None),
        ("registry-1.docker.io/team/tool:1", "", "team/tool", "1", None),
        ("quay.io/tool:1", "quay.io", "tool", "1", None),
        ("site.org:5000/a/b", "site.org:5000", "a/b", "latest", None),
        ("localhost/a:1", "localhost", "a", "1", None),
        (f"ubuntu@{DIGEST}", "", "library/ubuntu", None, DIGEST),
        (f"ubuntu:24.04@{DIGEST}", "", "library/ubuntu", "24.04", DIGEST),
        (f"ubuntu{DIGEST}", "", "library/ubuntu", None, DIGEST),
        (f"site.org:5000/a/b{DIGEST}", "site.org:5000", "a/b", None, DIGEST),
        ("unknown.org/a:1", "", "unknown.org/a", "1", None),
    ],
)
def test_what_users_type_is_understood(
    text: str, location: str, repository: str, tag: str | None, digest: str | None
) -> None:
    assert parse(text) == Reference(location=location, repository=repository, tag=tag, digest=digest)


@pytest.mark.parametrize("alias", ["", "docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_has_its_short_names_under_every_name_that_a_site_gives_it(alias: str) -> None:
    typed = ("ubuntu", "docker.io/ubuntu", "registry-1.docker.io/library/ubuntu")
    found = {parse_reference(text, locations=[alias], default_location=alias) for text in typed}

    assert found == {Reference(location=alias, repository="library/ubuntu", tag="latest")}


def test_a_default_location_under_another_of_docker_hubs_names_is_found() -> None:
    found = parse_reference("ubuntu", locations=["docker.io"], default_location="")

    assert found == Reference(location="docker.io", repository="library/ubuntu", tag="latest")


def test_another_default_location_has_no_library() -> None:
    assert parse("ubuntu", "quay.io") == Reference(location="quay.io", repository="ubuntu", tag="latest")


def test_the_digest_wins_over_a_tag_beside_it() -> None:
    assert parse(f"ubuntu:24.04@{DIGEST}").wanted == DIGEST


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "a:",
        ":1",
        "/a",
        "a/",
        "a//b",
        "UPPER",
        "a b",
        "a:b c",
        "a:" + "t" * 129,
        "a/" * 128 + "a",
        "unknown.org:5000/a",
        "a@sha256:123",
        "a@md5:" + "0" * 32,
        f"a@{DIGEST}@{DIGEST}",
        f"@{DIGEST}",
        "a\n",
        "a:1\n",
        "-a",
        "a-",
        "a..b",
        "a___b",
        "ä",
        "../a",
        "quay.io/",
    ],
)
def test_what_is_no_reference_is_refused_with_its_own_words(text: str) -> None:
    with pytest.raises(ReferenceInvalid, match=r"expected|knows no registry"):
        parse(text)


def test_a_very_long_reference_is_not_repeated_in_full() -> None:
    with pytest.raises(ReferenceInvalid) as caught:
        parse("A" * 10_000)

    assert len(caught.value.sentence) < 1000


@given(st.sampled_from(LOCATIONS), repository, st.none() | tag, st.none() | digest)
def test_a_reference_written_out_is_read_as_itself(
    location: str, name: str, tag: str | None, digest: str | None
) -> None:
    repository = f"library/{name}" if location == "" and "/" not in name else name
    if tag is None and digest is None:
        tag = "latest"
    reference = Reference(location=location, repository=repository, tag=tag, digest=digest)

    assert parse(str(reference), default="quay.io") == reference


@given(st.text(alphabet="ab./:@-_A0\n", max_size=30) | repository | st.text(max_size=10))
def test_what_the_librarys_grammar_refuses_is_refused_and_what_it_takes_is_taken(text: str) -> None:
    """But for a first component that looks like a host: the library takes it for a registry, we do not."""
    first, slash, _ = text.partition("/")
    assume(not (slash and set(".:") & set(first)))
    try:
        expected = oracle.Reference.parse(text)
    except oracle.InvalidReference:
        with pytest.raises(ReferenceInvalid):
            parse_reference(text, locations=["x.test"], default_location="x.test")
        return
    name = str(expected["name"])
    assume(expected["digest"] is None and not text.endswith("\n"))  # its regular expression ends with $
    found = parse_reference(text, locations=["x.test"], default_location="x.test")
    assert (found.repository, found.tag) == (name, expected["tag"] or "latest")


@given(repository, st.none() | tag, st.none() | digest)
def test_short_names_at_docker_hub_are_those_of_the_library(name: str, tag: str | None, digest: str | None) -> None:
    text = name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    first = name.partition("/")[0]
    assume("/" not in name or ("." not in first and first != "localhost"))  # there it names a registry
    expected = oracle.Reference.parse_normalized_named(text)
    _, path = expected.split_hostname()

    found = parse(text)

    assert (found.repository, found.digest) == (path, expected["digest"])
    assert found.tag == (expected["tag"] or (None if digest else "latest"))


@given(repository, st.none() | tag, st.none() | digest)
def test_normalising_twice_is_normalising_once(name: str, tag: str | None, digest: str | None) -> None:
    text = name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    once = normalise_typed_tag(text)

    assert normalise_typed_tag(once) == once


@given(repository, digest)
def test_a_digest_that_lost_its_at_sign_means_the_same(name: str, digest: str) -> None:
    assert normalise_typed_tag(f"{name}{digest}") == f"{name}@{digest}"
