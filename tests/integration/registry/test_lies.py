"""What a registry can do wrong, and a real one will not: a scripted peer does it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from imagegw.domain.manifests import blobs_of
from imagegw.domain.oci import OCI_INDEX, OCI_MANIFEST, Architecture
from imagegw.domain.reference import Reference
from imagegw.errors import (
    BlobCorrupt,
    GatewayError,
    ManifestInvalid,
    ManifestTooLarge,
    ManifestUnknown,
    NotAnImage,
    RegistryBusy,
    RegistryDenied,
    RegistryFailed,
    RegistryMisbehaved,
    SchemaOneRefused,
)
from imagegw.registry.budget import Budget
from imagegw.registry.client import RegistryClient
from imagegw.registry.settings import Login
from tests.integration.registry.conftest import Listen, MakeClient
from tests.servers.scripted_http import Exchange, Script, ScriptedPeer
from tests.servers.small_registry import SmallRegistry, answering, described, digest_of, redirecting

AMD64 = Architecture(architecture="amd64")
ALICE = Login(user="alice", password="secret")
TOOL = Reference(location="test", repository="team/tool", tag="1")
LAYER = b"layer" * 1000
SCHEMA_ONE = "application/vnd.docker.distribution.manifest.v1+prettyjws"


@pytest.fixture
def small() -> SmallRegistry:
    return SmallRegistry(layer=LAYER)


@pytest.fixture
def peer(small: SmallRegistry, listen: Listen) -> ScriptedPeer:
    return listen(small)


@pytest.fixture
def client(peer: ScriptedPeer, make_client: MakeClient) -> RegistryClient:
    return make_client(peer.url, read_timeout_s=5)


def read_layer(client: RegistryClient, login: Login | None = None) -> bytes:
    resolved = client.resolve(TOOL, login)
    found = client.platform_manifest("team/tool", resolved.digest, AMD64, login)
    with client.blobs("team/tool", login).open_blob(blobs_of(found.manifest)[1]) as stream:
        return b"".join(stream.chunks())


def test_the_scripted_registry_is_right_when_nothing_is_changed(client: RegistryClient) -> None:
    assert read_layer(client) == LAYER


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({"Retry_After": "17"}, 17.0),
        ({"Retry_After": "Tue, 24 Nov 2026 12:00:40 GMT", "Date": "Tue, 24 Nov 2026 12:00:00 GMT"}, 40.0),
        ({}, None),
    ],
)
def test_too_many_requests_is_busy_and_not_asked_again(
    small: SmallRegistry,
    peer: ScriptedPeer,
    client: RegistryClient,
    headers: dict[str, str],
    pause_s: float | None,
) -> None:
    small.instead["*"] = [answering(429, b"", **headers)]
    with pytest.raises(RegistryBusy) as caught:
        client.resolve(TOOL, ALICE)

    assert caught.value.retry_after_s == pause_s
    assert len(peer.requests) == 1


def test_unavailable_with_a_pause_is_busy(small: SmallRegistry, client: RegistryClient) -> None:
    small.instead["*"] = [answering(503, b"", Retry_After="9")]
    with pytest.raises(RegistryBusy) as caught:
        client.resolve(TOOL, None)

    assert caught.value.retry_after_s == 9.0


def test_a_short_failure_is_tried_again_in_place(
    small: SmallRegistry, peer: ScriptedPeer, client: RegistryClient
) -> None:
    small.instead["1"] = [answering(503), small.answer]

    assert client.resolve(TOOL, None).public
    assert len(peer.requests) == 2


def test_a_lasting_failure_is_not_tried_for_ever(
    small: SmallRegistry, peer: ScriptedPeer, client: RegistryClient
) -> None:
    small.instead["1"] = [answering(500)]
    with pytest.raises(RegistryFailed, match="500"):
        client.resolve(TOOL, None)

    assert len(peer.requests) == 2


def test_what_is_left_of_the_allowance_is_kept(small: SmallRegistry, client: RegistryClient) -> None:
    body, content_type = small.manifests["1"]
    headers = {"Content_Type": content_type, "Docker_Content_Digest": digest_of(body)}
    small.instead["1"] = [answering(200, body, ratelimit_remaining="76;w=21600", **headers)]
    client.resolve(TOOL, None)

    assert client.budget(None) == Budget(remaining=76, window_s=21600)
    assert client.budget(ALICE) is None


def test_the_registrys_own_words_are_passed_on(client: RegistryClient) -> None:
    missing = Reference(location="test", repository="team/tool", digest="sha256:" + "0" * 64)
    with pytest.raises(ManifestUnknown, match=r"answered 404 .*team/tool"):
        client.resolve(missing, None)
    with pytest.raises(ManifestUnknown, match="MANIFEST_UNKNOWN, no sha256"):
        client.manifest("team/tool", "sha256:" + "0" * 64, None)


@pytest.mark.parametrize(
    "script",
    [
        answering(405),
        answering(200, b"", Content_Type=OCI_MANIFEST),
        answering(200, b"", Docker_Content_Digest="nonsense"),
    ],
    ids=["not allowed", "no digest", "no real digest"],
)
def test_a_registry_that_tells_no_digest_is_asked_for_the_manifest(
    small: SmallRegistry, client: RegistryClient, script: Script
) -> None:
    small.instead["1"] = [script, small.answer]

    assert client.resolve(TOOL, None).digest == digest_of(small.manifests["1"][0])


def test_a_digest_other_than_the_one_asked_for_is_no_answer(small: SmallRegistry, client: RegistryClient) -> None:
    wanted = digest_of(small.manifests["1"][0])
    other = answering(200, b"", Docker_Content_Digest="sha256:" + "1" * 64)
    small.instead[wanted] = [other]
    with pytest.raises(RegistryMisbehaved):
        client.resolve(Reference(location="test", repository="team/tool", digest=wanted), None)


def test_a_manifest_of_other_bytes_is_corrupt(small: SmallRegistry, client: RegistryClient) -> None:
    digest = client.resolve(TOOL, None).digest
    small.instead[digest] = [answering(200, small.manifests["1"][0] + b" ", Content_Type=OCI_MANIFEST)]
    with pytest.raises(BlobCorrupt):
        client.manifest("team/tool", digest, None)


def test_a_manifest_under_another_type_is_no_answer(small: SmallRegistry, client: RegistryClient) -> None:
    digest = client.resolve(TOOL, None).digest
    small.instead[digest] = [answering(200, small.manifests["1"][0], Content_Type=OCI_INDEX)]
    with pytest.raises(RegistryMisbehaved):
        client.manifest("team/tool", digest, None)


def test_schema_one_is_refused_at_the_first_look(
    small: SmallRegistry, peer: ScriptedPeer, client: RegistryClient
) -> None:
    small.add_manifest("1", {"schemaVersion": 1, "fsLayers": []}, SCHEMA_ONE)
    with pytest.raises(SchemaOneRefused):
        client.resolve(TOOL, None)

    assert peer.targets() == []


def test_an_artifact_is_refused(small: SmallRegistry, client: RegistryClient) -> None:
    empty = described(b"{}", "application/vnd.oci.empty.v1+json")
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": empty, "layers": [empty]}
    digest = small.add_manifest("1", document)
    with pytest.raises(NotAnImage):
        client.platform_manifest("team/tool", digest, AMD64, None)


@pytest.mark.parametrize("told", [True, False])
def test_a_manifest_of_100_mb_is_not_read(small: SmallRegistry, client: RegistryClient, told: bool) -> None:
    sent: list[int] = []

    def endless(exchange: Exchange) -> None:
        headers = {"Content-Type": OCI_MANIFEST} | ({"Content-Length": "100000000"} if told else {})
        exchange.head(200, headers)
        for _ in range(100):
            exchange.send(b" " * 1_000_000)
            sent.append(1)

    digest = client.resolve(TOOL, None).digest
    small.instead[digest] = [endless]
    with pytest.raises(ManifestTooLarge, match="4194304"):
        client.manifest("team/tool", digest, None)

    assert len(sent) < 20


def test_an_index_that_points_to_itself_ends(small: SmallRegistry, client: RegistryClient) -> None:
    """It cannot have its own digest, but a registry can answer every digest with it."""
    loop = {"mediaType": OCI_INDEX, "digest": "sha256:" + "5" * 64, "size": 5}
    digest = small.add_manifest("1", {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [loop]})
    small.instead["sha256:" + "5" * 64] = [answering(200, small.manifests["1"][0], Content_Type=OCI_INDEX)]
    with pytest.raises(BlobCorrupt):
        client.platform_manifest("team/tool", digest, AMD64, None)


def nest(small: SmallRegistry, depth: int) -> str:
    body = small.manifests["1"][0]
    media_type = OCI_MANIFEST
    for _ in range(depth):
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [described(body, media_type)],
        }
        small.add_manifest("nested", document)
        body, media_type = small.manifests["nested"]
    return digest_of(body)


def test_indexes_may_stand_in_each_other_but_not_without_end(small: SmallRegistry, client: RegistryClient) -> None:
    image = digest_of(small.manifests["1"][0])

    assert client.platform_manifest("team/tool", nest(small, 3), AMD64, None).digest == image
    with pytest.raises(ManifestInvalid, match="deeper"):
        client.platform_manifest("team/tool", nest(small, 4), AMD64, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config | {"architecture": "arm64"},
        lambda config: config | {"rootfs": {"type": "layers", "diff_ids": []}},
        lambda config: config | {"rootfs": 5},
    ],
    ids=["architecture", "layers", "broken"],
)
def test_a_configuration_that_does_not_fit_is_refused_before_anything_is_fetched(
    small: SmallRegistry, client: RegistryClient, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    manifest = json.loads(small.manifests["1"][0])
    config = json.dumps(change(json.loads(small.blobs[manifest["config"]["digest"]]))).encode()
    small.blobs[digest_of(config)] = config
    manifest["config"] = described(config, manifest["config"]["mediaType"])
    digest = small.add_manifest("1", manifest)
    with pytest.raises(GatewayError) as caught:
        client.platform_manifest("team/tool", digest, AMD64, None)

    assert caught.value.code in {"no_matching_architecture", "manifest_invalid"}


def bearer(realm: str) -> Script:
    return answering(401, b"", WWW_Authenticate=f'Bearer realm="{realm}/token",service="s"')


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_credential_follows_a_redirect_to_another_host(
    small: SmallRegistry, peer: ScriptedPeer, client: RegistryClient, listen: Listen, status: int
) -> None:
    storage = listen(lambda exchange: exchange.answer(200, LAYER))
    guarded = Guard(small)
    peer.script = guarded
    small.instead[digest_of(LAYER)] = [redirecting(lambda: f"{storage.url}/blob?signature=1", status)]

    assert read_layer(client, ALICE) == LAYER
    assert "authorization" in peer.requests[-1].headers
    assert ["authorization" in request.headers for request in storage.requests] == [False]


class Guard:
    """Wants HTTP Basic for everything."""

    def __init__(self, behind: Script) -> None:
        self._behind = behind

    def __call__(self, exchange: Exchange) -> None:
        if "authorization" in exchange.request.headers:
            return self._behind(exchange)
        return exchange.answer(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})


def test_a_credential_stays_with_a_redirect_within_the_host(
    small: SmallRegistry, peer: ScriptedPeer, client: RegistryClient
) -> None:
    digest = digest_of(LAYER)
    peer.script = Guard(small)
    small.instead[digest] = [redirecting(lambda: f"/v2/moved/blobs/{digest}"), small.answer]

    assert read_layer(client, ALICE) == LAYER


def test_redirects_without_end_are_given_up(small: SmallRegistry, client: RegistryClient) -> None:
    small.instead["1"] = [redirecting(lambda: "/v2/team/tool/manifests/1")]
    with pytest.raises(RegistryMisbehaved, match="redirects more"):
        client.resolve(TOOL, None)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://x/y", "//[", "http://x:99999/"])
def test_a_redirect_to_nowhere_is_no_answer(small: SmallRegistry, client: RegistryClient, target: str) -> None:
    small.instead["1"] = [redirecting(lambda: target)]
    with pytest.raises(RegistryMisbehaved):
        client.resolve(TOOL, None)


def test_an_expired_presigned_url_is_asked_for_again(
    small: SmallRegistry, client: RegistryClient, listen: Listen
) -> None:
    expired = listen(answering(403, b"<Error>expired</Error>"))
    fresh = listen(lambda exchange: exchange.answer(200, LAYER))
    targets = [f"{expired.url}/blob?signature=old", f"{fresh.url}/blob?signature=new"]
    small.instead[digest_of(LAYER)] = [redirecting(lambda: targets.pop(0))]

    assert read_layer(client) == LAYER


def test_a_presigned_url_is_in_no_message(small: SmallRegistry, client: RegistryClient, listen: Listen) -> None:
    expired = listen(answering(403))
    small.instead[digest_of(LAYER)] = [redirecting(lambda: f"{expired.url}/blob?signature=hidden")]
    with pytest.raises(RegistryFailed) as caught:
        read_layer(client)

    assert "hidden" not in str(caught.value)


class TokenRegistry:
    """Wants a token that it withdraws whenever a test says so, and hands out new ones itself."""

    def __init__(self, behind: Script) -> None:
        self.valid = 0
        self.handed_out = 0
        self.token_answer: Script | None = None
        self._behind = behind

    def __call__(self, exchange: Exchange) -> None:
        request = exchange.request
        if request.target.startswith("/token"):
            return (self.token_answer or self._hand_out)(exchange)
        if request.headers.get("authorization") == f"Bearer token-{self.valid}":
            return self._behind(exchange)
        challenge = f'Basic realm="x", Bearer realm="http://{request.headers["host"]}/token",service="s"'
        return exchange.answer(401, b"", {"WWW-Authenticate": challenge})

    def _hand_out(self, exchange: Exchange) -> None:
        self.handed_out += 1
        token = {"access_token": f"token-{self.valid}", "expires_in": 300}
        exchange.answer(200, json.dumps(token).encode())


def test_a_token_that_expires_in_mid_pull_is_renewed(
    small: SmallRegistry, peer: ScriptedPeer, client: RegistryClient
) -> None:
    tokens = TokenRegistry(small)
    peer.script = tokens
    found = client.platform_manifest("team/tool", client.resolve(TOOL, None).digest, AMD64, None)
    tokens.valid += 1
    with client.blobs("team/tool", None).open_blob(found.manifest.layers[0]) as stream:
        body = b"".join(stream.chunks())

    assert body == LAYER
    assert tokens.handed_out == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": 5}', b'{"token": "a\\nb"}', b" " * (2 << 20)])
def test_a_token_server_that_sends_no_token_misbehaves(
    small: SmallRegistry, peer: ScriptedPeer, client: RegistryClient, body: bytes
) -> None:
    tokens = TokenRegistry(small)
    tokens.token_answer = answering(200, body)
    peer.script = tokens
    with pytest.raises(RegistryMisbehaved, match="no token"):
        client.resolve(TOOL, None)


def test_a_busy_token_server_is_a_busy_registry(
    small: SmallRegistry, peer: ScriptedPeer, client: RegistryClient
) -> None:
    tokens = TokenRegistry(small)
    tokens.token_answer = answering(429, b"", Retry_After="3")
    peer.script = tokens
    with pytest.raises(RegistryBusy):
        client.resolve(TOOL, None)


@pytest.mark.parametrize(
    "challenge", ["", "Negotiate", 'Bearer service="s"', 'Bearer realm="file:///x"', 'Digest realm="x"']
)
def test_a_challenge_that_cannot_be_answered_is_a_refusal(
    small: SmallRegistry, client: RegistryClient, challenge: str
) -> None:
    small.instead["*"] = [answering(401, b"", WWW_Authenticate=challenge)]
    with pytest.raises(RegistryDenied):
        client.resolve(TOOL, ALICE)


def test_a_private_image_that_is_hidden_from_strangers_is_found_with_a_login(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient
) -> None:
    guarded = Guard(small)
    asked: list[bool] = []

    def hiding(exchange: Exchange) -> None:
        asked.append("authorization" in exchange.request.headers)
        if len(asked) == 1:
            return exchange.answer(404)
        return guarded(exchange)

    peer.script = hiding

    assert not make_client(peer.url).resolve(TOOL, ALICE).public


def test_a_mirror_serves_what_has_a_digest_and_sees_no_login(
    small: SmallRegistry, peer: ScriptedPeer, make_client: MakeClient, listen: Listen
) -> None:
    mirror = listen(SmallRegistry(layer=LAYER))
    peer.script = Guard(small)
    client = make_client(peer.url, mirrors=(mirror.url,))

    assert read_layer(client, ALICE) == LAYER
    assert {request.method for request in peer.requests} == {"HEAD"}
    assert not any("authorization" in request.headers for request in mirror.requests)


def test_a_mirror_that_fails_or_has_nothing_is_passed_over(
    peer: ScriptedPeer, make_client: MakeClient, listen: Listen
) -> None:
    mirrors = (listen(answering(404)).url, listen(answering(500)).url, "http://127.0.0.1:1")

    assert read_layer(make_client(peer.url, mirrors=mirrors)) == LAYER


def test_the_environments_proxy_is_used_and_its_netrc_is_not(
    small: SmallRegistry,
    make_client: MakeClient,
    listen: Listen,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine registry.test login alice password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    proxy = listen(through(small))
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", "")

    assert read_layer(make_client("http://registry.test")) == LAYER
    assert proxy.requests[0].target.startswith("http://registry.test/v2/")
    assert not any("authorization" in request.headers for request in proxy.requests)


def test_a_locations_own_proxy_goes_before_the_environments(
    small: SmallRegistry, make_client: MakeClient, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    proxy = listen(through(small))

    assert read_layer(make_client("http://registry.test", proxy=proxy.url)) == LAYER


def through(registry: SmallRegistry) -> Script:
    """As a proxy sees requests: the whole URL in the first line."""

    def script(exchange: Exchange) -> None:
        request = exchange.request
        path = "/" + request.target.split("/", 3)[3]
        inner = type(request)(method=request.method, target=path, headers=request.headers)
        exchange.request = inner
        registry(exchange)

    return script
