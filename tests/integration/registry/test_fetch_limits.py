"""What a fetch takes up, leaves behind and will not touch."""

from __future__ import annotations

import base64
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from imagegw.domain.oci import Descriptor
from imagegw.errors import (
    BlobCorrupt,
    ImageTooLarge,
    RegistryDenied,
    RegistryForbidden,
    RegistryMisbehaved,
    StepAborted,
)
from imagegw.store.directory import DirectoryStore
from imagegw_puller.fetch import FetchLimits
from tests.integration.registry.conftest import Listen, MakeClient
from tests.integration.registry.downloading import (
    BLOB,
    DIGEST,
    HALF,
    LAYER,
    LAYER_TYPE,
    fetch_from,
    left_over,
    read,
)
from tests.servers.scripted_http import Exchange, ScriptedPeer, scripted_http
from tests.servers.small_registry import SmallRegistry, answering, digest_of

pytestmark = pytest.mark.integration

FOREIGN_TYPE = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

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
