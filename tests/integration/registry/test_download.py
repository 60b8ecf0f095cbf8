"""Blobs into the store over connections that break, fall silent and lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagegw.errors import (
    BlobCorrupt,
    RegistryFailed,
    RegistryMisbehaved,
)
from imagegw.store.directory import DirectoryStore
from tests.integration.registry.conftest import Listen, MakeClient
from tests.integration.registry.downloading import (
    DIGEST,
    HALF,
    LAYER,
    fetch_from,
    left_over,
    read,
)
from tests.servers.scripted_http import Exchange, ScriptedPeer
from tests.servers.small_registry import SmallRegistry, answering, redirecting

pytestmark = pytest.mark.integration


@pytest.fixture
def small() -> SmallRegistry:
    return SmallRegistry(layer=LAYER)


@pytest.fixture
def peer(small: SmallRegistry, listen: Listen) -> ScriptedPeer:
    return listen(small)


@pytest.fixture
def store(store_root: Path) -> DirectoryStore:
    return DirectoryStore(store_root)


def test_a_transfer_that_breaks_goes_on_where_it_broke(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    cut = [1 << 20, 2 << 20]
    small.instead[DIGEST] = [
        lambda exchange: small.send_blob(exchange, DIGEST, stop_at=cut[0]),
        lambda exchange: small.send_blob(exchange, DIGEST, stop_at=cut[1]),
        small.answer,
    ]
    fetch_from(make_client(peer.url), store)

    ranges = [request.headers.get("range") for request in peer.requests]
    assert read(store) == LAYER
    assert ranges == [None, f"bytes={cut[0]}-{len(LAYER) - 1}", f"bytes={cut[1]}-{len(LAYER) - 1}"]
    assert small.sent == len(LAYER)


def test_a_server_that_cannot_resume_is_read_from_the_beginning(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    small.instead[DIGEST] = [
        lambda exchange: small.send_blob(exchange, DIGEST, stop_at=HALF),
        answering(200, LAYER),
    ]
    fetch_from(make_client(peer.url), store)

    assert read(store) == LAYER


def test_a_server_that_refuses_the_range_is_read_from_the_beginning(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    small.instead[DIGEST] = [
        lambda exchange: small.send_blob(exchange, DIGEST, stop_at=HALF),
        answering(416),
        answering(200, LAYER),
    ]
    fetch_from(make_client(peer.url), store)

    assert read(store) == LAYER


@pytest.mark.parametrize(
    "content_range", ["", "bytes 0-9/10", f"bytes 0-{len(LAYER) - 1}/{len(LAYER)}", "items 5-6/7"]
)
def test_a_range_other_than_the_one_asked_for_is_no_answer(
    small: SmallRegistry,
    peer: ScriptedPeer,
    make_client: MakeClient,
    store: DirectoryStore,
    content_range: str,
) -> None:
    small.instead[DIGEST] = [
        lambda exchange: small.send_blob(exchange, DIGEST, stop_at=HALF),
        answering(206, LAYER[HALF:], Content_Range=content_range),
    ]
    with pytest.raises(RegistryMisbehaved):
        fetch_from(make_client(peer.url), store)

    assert not store.has(DIGEST)


def test_a_connection_that_only_ever_breaks_is_given_up_but_what_came_is_kept(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    def reset(exchange: Exchange) -> None:
        exchange.head(200, {"Content-Length": str(len(LAYER))})
        exchange.cut()

    small.instead[DIGEST] = [lambda exchange: small.send_blob(exchange, DIGEST, stop_at=HALF), reset]
    with pytest.raises(RegistryFailed):
        fetch_from(make_client(peer.url), store)
    small.instead.clear()
    small.sent = 0
    kept = left_over(store)
    fetch_from(make_client(peer.url), store)

    assert kept == [HALF]
    assert small.sent == len(LAYER) - HALF
    assert read(store) == LAYER


def test_an_expired_presigned_url_is_asked_for_again(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore, listen: Listen
) -> None:
    expired = listen(answering(403, b"<Error>expired</Error>"))
    fresh = listen(lambda exchange: exchange.answer(200, LAYER))
    targets = [f"{expired.url}/blob?signature=old", f"{fresh.url}/blob?signature=new"]
    small.instead[DIGEST] = [redirecting(lambda: targets.pop(0))]
    fetch_from(make_client(peer.url), store)

    assert read(store) == LAYER


def test_silence_is_a_broken_connection(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    def stall(exchange: Exchange) -> None:
        small.send_blob(exchange, DIGEST, stop_at=HALF)
        exchange.hold()

    small.instead[DIGEST] = [stall, small.answer]
    fetch_from(make_client(peer.url, read_timeout_s=0.5), store)

    assert read(store) == LAYER
    assert small.sent == len(LAYER)


def test_a_trickle_is_a_broken_connection(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    def trickle(exchange: Exchange) -> None:
        exchange.head(200, {"Content-Length": str(len(LAYER))})
        for position in range(len(LAYER)):
            if exchange.stopping.wait(0.05):
                return
            try:
                exchange.send(LAYER[position : position + 1])
            except OSError:
                return

    small.instead[DIGEST] = [trickle, small.answer]
    fetch_from(make_client(peer.url, slow_after_s=0.3), store)

    assert read(store) == LAYER
    assert len(peer.requests) == 2


def test_wrong_bytes_are_thrown_away(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    small.instead[DIGEST] = [answering(200, b"X" + LAYER[1:])]
    with pytest.raises(BlobCorrupt, match="digest"):
        fetch_from(make_client(peer.url), store)

    assert not store.has(DIGEST)
    assert left_over(store) == []


@pytest.mark.parametrize("body", [LAYER[:-1], LAYER + b"!", b""])
def test_a_wrong_size_is_seen_before_anything_is_read(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore, body: bytes
) -> None:
    small.instead[DIGEST] = [answering(200, body)]
    with pytest.raises(BlobCorrupt, match=f"expected {len(LAYER)} bytes"):
        fetch_from(make_client(peer.url), store)

    assert left_over(store) == []


def test_a_blob_without_a_told_size_is_not_read_beyond_its_own(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.head(200)
        while not exchange.stopping.is_set():
            try:
                exchange.send(LAYER)
            except OSError:
                return

    small.instead[DIGEST] = [endless]
    with pytest.raises(BlobCorrupt, match="more"):
        fetch_from(make_client(peer.url), store)

    assert left_over(store) == []


def test_an_end_without_a_told_size_may_be_too_early(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    def early(exchange: Exchange) -> None:
        exchange.head(200)
        exchange.send(LAYER[:HALF])

    small.instead[DIGEST] = [early, small.answer]
    fetch_from(make_client(peer.url), store)

    assert read(store) == LAYER


def test_a_blob_that_always_ends_too_early_is_given_up(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    def early(exchange: Exchange) -> None:
        exchange.head(200)
        exchange.send(LAYER[:HALF])

    small.instead[DIGEST] = [early]
    with pytest.raises(RegistryFailed, match=f"only {HALF} bytes"):
        fetch_from(make_client(peer.url), store)


def test_chunked_transfer_is_read(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    def chunked(exchange: Exchange) -> None:
        exchange.head(200, {"Transfer-Encoding": "chunked"})
        for start in range(0, len(LAYER), 100_000):
            piece = LAYER[start : start + 100_000]
            exchange.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        exchange.send(b"0\r\n\r\n")

    small.instead[DIGEST] = [chunked]
    fetch_from(make_client(peer.url), store)

    assert read(store) == LAYER
