"""By which ways the client goes, and what it takes along: redirects, tokens, mirrors, proxies."""

from __future__ import annotations

import pytest

from imagegw.errors import (
    RegistryBusy,
    RegistryDenied,
    RegistryFailed,
    RegistryMisbehaved,
)
from imagegw.registry.client import RegistryClient
from tests.integration.registry.conftest import Listen, MakeClient
from tests.integration.registry.scripted import ALICE, AMD64, LAYER, TOOL, read_layer
from tests.servers.scripted_http import Exchange, ScriptedPeer
from tests.servers.small_registry import (
    Guard,
    SmallRegistry,
    TokenRegistry,
    answering,
    digest_of,
    redirecting,
    through,
)

pytestmark = pytest.mark.integration


@pytest.fixture
def small() -> SmallRegistry:
    return SmallRegistry(layer=LAYER)


@pytest.fixture
def peer(small: SmallRegistry, listen: Listen) -> ScriptedPeer:
    return listen(small)


@pytest.fixture
def client(peer: ScriptedPeer, make_client: MakeClient) -> RegistryClient:
    return make_client(peer.url, read_timeout_s=5)


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


def test_a_presigned_url_is_in_no_message(small: SmallRegistry, client: RegistryClient, listen: Listen) -> None:
    expired = listen(answering(403))
    small.instead[digest_of(LAYER)] = [redirecting(lambda: f"{expired.url}/blob?signature=hidden")]
    with pytest.raises(RegistryFailed) as caught:
        read_layer(client)

    assert "hidden" not in str(caught.value)


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
