"""Blobs into the store over connections that break, fall silent and lie."""

from __future__ import annotations

import base64
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import trustme

from imagegw.domain.oci import Descriptor
from imagegw.domain.progress import ReportProgress, ignore_progress
from imagegw.errors import (
    BlobCorrupt,
    ImageTooLarge,
    RegistryDenied,
    RegistryFailed,
    RegistryForbidden,
    RegistryMisbehaved,
    StepAborted,
)
from imagegw.registry.client import RegistryClient
from imagegw.store.directory import DirectoryStore
from imagegw_puller.fetch import FetchLimits, fetch
from tests.integration.registry.conftest import Listen, MakeClient
from tests.servers.scripted_http import Exchange, ScriptedPeer, scripted_http
from tests.servers.small_registry import SmallRegistry, answering, digest_of

LAYER = os.urandom(3 << 20)
DIGEST = digest_of(LAYER)
HALF = len(LAYER) // 2
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
FOREIGN_TYPE = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
BLOB = Descriptor(media_type=LAYER_TYPE, digest=DIGEST, size_bytes=len(LAYER))

PULLER = """
import pathlib, sys
from imagegw.domain.oci import Descriptor
from imagegw.registry.client import RegistryClient
from imagegw.registry.settings import InPlaceRetry, LocationSettings
from imagegw.store.directory import DirectoryStore
from imagegw_puller.fetch import FetchLimits, fetch
url, root, digest, size, claim = sys.argv[1:]
client = RegistryClient(LocationSettings(name="test", url=url), retry=InPlaceRetry())
blob = Descriptor(media_type="application/vnd.oci.image.layer.v1.tar", digest=digest, size_bytes=int(size))
fetch([blob], source=client.blobs("team/tool", None), store=DirectoryStore(pathlib.Path(root)), claim=claim,
      progress=lambda done, total: print(done, flush=True), limits=FetchLimits())
"""


@pytest.fixture
def small() -> SmallRegistry:
    return SmallRegistry(layer=LAYER)


@pytest.fixture
def peer(small: SmallRegistry, listen: Listen) -> ScriptedPeer:
    return listen(small)


@pytest.fixture
def store(store_root: Path) -> DirectoryStore:
    return DirectoryStore(store_root)


def fetch_from(
    client: RegistryClient,
    store: DirectoryStore,
    blobs: Sequence[Descriptor] = (BLOB,),
    *,
    progress: ReportProgress = ignore_progress,
    limits: FetchLimits | None = None,
) -> None:
    fetch(
        blobs,
        source=client.blobs("team/tool", None),
        store=store,
        claim="claim",
        progress=progress,
        limits=FetchLimits() if limits is None else limits,
    )


def read(store: DirectoryStore, digest: str = DIGEST) -> bytes:
    with store.open(digest) as file:
        return file.read()


def left_over(store: DirectoryStore) -> list[int]:
    """The sizes of the uploads that have not become blobs."""
    return [path.stat().st_size for path in store.staging.iterdir()]


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


def test_bytes_that_a_crash_spoilt_on_disk_are_fetched_again(
    peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    with store.resume(DIGEST, len(LAYER), claim="claim") as upload:
        upload.write(b"\0" * HALF)
    fetch_from(make_client(peer.url), store)

    assert read(store) == LAYER


def test_a_blob_that_is_there_is_not_asked_for(
    peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    store.put(DIGEST, len(LAYER), iter([LAYER]))
    reported: list[tuple[int, int | None]] = []
    fetch_from(make_client(peer.url), store, progress=lambda done, total: reported.append((done, total)))

    assert peer.requests == []
    assert reported[-1] == (len(LAYER), len(LAYER))


def test_a_blob_in_the_manifest_itself_is_not_asked_for(
    peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    body = b"inline"
    inline = Descriptor.model_validate(
        {
            "mediaType": LAYER_TYPE,
            "digest": digest_of(body),
            "size": len(body),
            "data": base64.b64encode(body).decode(),
        }
    )
    fetch_from(make_client(peer.url), store, [inline])

    assert read(store, inline.digest) == body
    assert peer.requests == []


def test_wrong_bytes_in_the_manifest_itself_are_corrupt(
    peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    inline = Descriptor(media_type=LAYER_TYPE, digest=DIGEST, size_bytes=2, data=b"no")
    with pytest.raises(BlobCorrupt):
        fetch_from(make_client(peer.url), store, [inline])


def test_progress_that_aborts_stops_a_silent_transfer_and_what_came_is_kept(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    def stall(exchange: Exchange) -> None:
        small.send_blob(exchange, DIGEST, stop_at=HALF)
        exchange.hold()

    def abort(done_bytes: int, total_bytes: int | None) -> None:
        if done_bytes >= HALF and total_bytes == len(LAYER):
            raise StepAborted

    small.instead[DIGEST] = [stall]
    with pytest.raises(StepAborted):
        fetch_from(make_client(peer.url, read_timeout_s=3600), store, progress=abort)

    assert left_over(store) == [HALF]
    assert not store.has(DIGEST)


def test_one_blob_that_fails_breaks_the_others_off(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore
) -> None:
    def stall(exchange: Exchange) -> None:
        small.send_blob(exchange, DIGEST, stop_at=HALF)
        exchange.hold()

    small.instead[DIGEST] = [stall]
    refused = Descriptor(media_type=LAYER_TYPE, digest="sha256:" + "0" * 64, size_bytes=1)
    small.instead[refused.digest] = [answering(403)]
    with pytest.raises(RegistryDenied):
        fetch_from(make_client(peer.url, read_timeout_s=3600), store, [BLOB, refused])


@pytest.mark.parametrize(
    "limits", [FetchLimits(layer_bytes=len(LAYER) - 1), FetchLimits(image_bytes=len(LAYER) - 1)]
)
def test_what_is_too_large_is_not_begun(
    peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore, limits: FetchLimits
) -> None:
    with pytest.raises(ImageTooLarge, match=str(len(LAYER))):
        fetch_from(make_client(peer.url), store, limits=limits)

    assert peer.requests == []


def test_a_killed_pullers_bytes_are_not_fetched_again(
    small: SmallRegistry, peer: ScriptedPeer, store: DirectoryStore, store_root: Path
) -> None:
    def stall(exchange: Exchange) -> None:
        small.send_blob(exchange, DIGEST, stop_at=HALF)
        exchange.hold()

    small.instead[DIGEST] = [stall, small.answer]
    first = start_puller(peer, store_root, "first")
    with first:
        assert first.stdout is not None
        while int(first.stdout.readline()) < HALF:
            pass
        first.send_signal(signal.SIGKILL)
    small.sent = 0
    with start_puller(peer, store_root, "second") as second:
        second.communicate()

    assert second.returncode == 0
    assert read(store) == LAYER
    assert small.sent <= len(LAYER) * 0.6


def start_puller(peer: ScriptedPeer, root: Path, claim: str) -> subprocess.Popen[bytes]:
    arguments = [peer.url, str(root), DIGEST, str(len(LAYER)), claim]
    return subprocess.Popen([sys.executable, "-c", PULLER, *arguments], stdout=subprocess.PIPE)


def foreign(*urls: str) -> Descriptor:
    return Descriptor(media_type=FOREIGN_TYPE, digest=DIGEST, size_bytes=len(LAYER), urls=urls)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "169.254.169.254", "localhost", "files.test@127.0.0.1"])
def test_a_foreign_layer_is_fetched_from_no_host_that_the_site_does_not_allow(
    peer: ScriptedPeer, make_client: MakeClient, store: DirectoryStore, host: str
) -> None:
    client = make_client(peer.url, foreign_hosts=frozenset({"files.test"}))
    with pytest.raises(RegistryForbidden):
        fetch_from(client, store, [foreign(f"https://{host}/layer", "http://files.test/layer")])

    assert peer.requests == []


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


def test_a_foreign_layer_comes_from_an_allowed_host_without_a_redirect_to_another(
    peer: ScriptedPeer,
    make_client: MakeClient,
    store: DirectoryStore,
    authority: trustme.CA,
    server_tls: ssl.SSLContext,
    tmp_path: Path,
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with scripted_http(answering(200, LAYER), tls=server_tls) as files:
        moved = answering(302, b"", Location=f"{peer.url}/inside")
        client = make_client(peer.url, ca_file=tmp_path / "ca.pem", foreign_hosts=frozenset({files.host}))
        with scripted_http(moved, tls=server_tls) as mover:
            crooked = make_client(peer.url, ca_file=tmp_path / "ca.pem", foreign_hosts=frozenset({mover.host}))
            with pytest.raises((RegistryForbidden, RegistryMisbehaved)):
                fetch_from(crooked, store, [foreign(f"{mover.url}/layer")])
        fetch_from(client, store, [foreign("https://elsewhere.test/layer", f"{files.url}/layer")])

    assert read(store) == LAYER
    assert peer.requests == []
