"""Who may read what, at real registries: open, with htpasswd, with tokens, under a private authority."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from imagegw.domain.oci import Architecture
from imagegw.domain.reference import Reference
from imagegw.errors import ManifestUnknown, RegistryDenied, RegistryForbidden, RegistryUnreachable
from imagegw.registry.settings import Login
from tests.integration.registry.conftest import MakeClient
from tests.servers import image_maker
from tests.servers.docker_registry import DockerRegistry, TlsFiles, docker_registry
from tests.servers.token_server import TokenServer, token_server

pytestmark = pytest.mark.integration

AMD64 = Architecture(architecture="amd64")
ALICE = Login(user="alice", password="pass:word")
# Of "pass:word", by bcrypt, which is all that docker-registry takes.
HTPASSWD = "alice:$2a$05$m9971/2X/eIAfJSbd20R8uSJ8QeExijjGMP8hIqut2hYRLsYRCxfO\n"


def reference(repository: str, tag: str = "1") -> Reference:
    return Reference(location="test", repository=repository, tag=tag)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    with token_server(tmp_path_factory.mktemp("tokens")) as server:
        server.users["alice"] = ALICE.password
        server.identity_tokens["refresh-me"] = "alice"
        server.public.add("team/public")
        yield server


@pytest.fixture(scope="module")
def token_registry(
    tokens: TokenServer, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DockerRegistry]:
    """With a public and a private repository."""
    with docker_registry(tmp_path_factory.mktemp("token-registry"), auth=tokens.auth) as running:
        for repository in ("team/public", "team/private"):
            options = ("--dest-creds", f"{ALICE.user}:{ALICE.password}")
            image_maker.push(image, running.host, f"{repository}:1", options=options)
        yield running


@pytest.fixture(autouse=True)
def forgotten(tokens: TokenServer) -> None:
    tokens.asked.clear()


def test_a_public_image_is_found_to_be_public(token_registry: DockerRegistry, make_client: MakeClient) -> None:
    assert make_client(token_registry.url).resolve(reference("team/public"), ALICE).public


def test_a_private_image_is_refused_to_strangers(token_registry: DockerRegistry, make_client: MakeClient) -> None:
    with pytest.raises(RegistryDenied, match="team/private"):
        make_client(token_registry.url).resolve(reference("team/private"), None)


def test_a_private_image_is_read_with_its_users_login(
    token_registry: DockerRegistry, make_client: MakeClient
) -> None:
    client = make_client(token_registry.url)
    resolved = client.resolve(reference("team/private"), ALICE)
    found = client.platform_manifest("team/private", resolved.digest, AMD64, ALICE)

    assert not resolved.public
    assert len(found.manifest.layers) == 3


def test_a_wrong_password_is_a_refusal_that_does_not_show_it(
    token_registry: DockerRegistry, make_client: MakeClient
) -> None:
    wrong = Login(user="alice", password="guess")
    with pytest.raises(RegistryDenied) as caught:
        make_client(token_registry.url).resolve(reference("team/private"), wrong)

    assert "guess" not in caught.value.sentence
    assert "guess" not in repr(wrong)


def test_the_sites_own_login_opens_no_private_image(
    token_registry: DockerRegistry, make_client: MakeClient
) -> None:
    with pytest.raises(RegistryDenied):
        make_client(token_registry.url, site_login=ALICE).resolve(reference("team/private"), None)


def test_the_sites_own_login_reads_what_anybody_may_read(
    token_registry: DockerRegistry, make_client: MakeClient, tokens: TokenServer
) -> None:
    client = make_client(token_registry.url, site_login=ALICE)
    resolved = client.resolve(reference("team/public"), None)
    login = client.reading_login(public=resolved.public, login=None)
    client.platform_manifest("team/public", resolved.digest, AMD64, login)

    assert tokens.asked == ["GET anonymous", "GET alice"]


def test_a_login_of_the_site_that_is_wrong_loses_nothing_that_is_public(
    token_registry: DockerRegistry, make_client: MakeClient
) -> None:
    wrong = Login(user="alice", password="outdated")
    client = make_client(token_registry.url, site_login=wrong)
    resolved = client.resolve(reference("team/public"), None)

    assert client.platform_manifest("team/public", resolved.digest, AMD64, wrong).digest == resolved.digest
    with pytest.raises(RegistryDenied):
        client.manifest("team/private", resolved.digest, Login(user="alice", password="guess"))


@pytest.mark.parametrize(("repository", "requests"), [("team/public", 1), ("team/private", 2)])
def test_asking_again_for_a_tag_costs_no_more_than_a_head(
    token_registry: DockerRegistry,
    make_client: MakeClient,
    tokens: TokenServer,
    repository: str,
    requests: int,
) -> None:
    client = make_client(token_registry.url)
    client.resolve(reference(repository), ALICE)
    tokens.asked.clear()
    before = len(token_registry.requests())
    client.resolve(reference(repository), ALICE)

    made = token_registry.requests()[before:]
    assert len(made) == requests
    assert all(line.startswith("HEAD") for line in made)
    assert tokens.asked == []


def test_an_identity_token_is_exchanged_by_post(
    token_registry: DockerRegistry, make_client: MakeClient, tokens: TokenServer
) -> None:
    login = Login(user="<token>", password="refresh-me")
    resolved = make_client(token_registry.url).resolve(reference("team/private"), login)

    assert not resolved.public
    assert tokens.asked[-1] == "POST refresh_token alice"


def test_a_password_is_posted_where_get_is_unknown(
    token_registry: DockerRegistry,
    make_client: MakeClient,
    tokens: TokenServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokens, "public", set())
    client = make_client(token_registry.url)
    with pytest.raises(RegistryDenied):
        client.resolve(reference("team/private"), None)
    monkeypatch.setattr(tokens, "get_allowed", False)
    client.manifest("team/private", _digest(make_client, token_registry, tokens), ALICE)

    assert tokens.asked[-1] == "POST password alice"


def _digest(make_client: MakeClient, registry: DockerRegistry, tokens: TokenServer) -> str:
    tokens.get_allowed = True
    digest = make_client(registry.url).resolve(reference("team/private"), ALICE).digest
    tokens.get_allowed = False
    return digest


def test_tokens_are_not_answered_where_the_site_wants_basic(
    token_registry: DockerRegistry, make_client: MakeClient, tokens: TokenServer
) -> None:
    with pytest.raises(RegistryDenied):
        make_client(token_registry.url, auth_method="basic").resolve(reference("team/public"), ALICE)

    assert tokens.asked == []


@pytest.fixture(scope="module")
def basic_registry(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    directory = tmp_path_factory.mktemp("basic-registry")
    (directory / "htpasswd").write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "a, realm", "path": str(directory / "htpasswd")}}
    with docker_registry(directory, auth=auth) as running:
        options = ("--dest-creds", f"{ALICE.user}:{ALICE.password}")
        image_maker.push(image, running.host, "team/tool:1", options=options)
        yield running


def test_basic_authentication_is_a_private_image(basic_registry: DockerRegistry, make_client: MakeClient) -> None:
    client = make_client(basic_registry.url)
    resolved = client.resolve(reference("team/tool"), ALICE)

    assert not resolved.public
    assert client.platform_manifest("team/tool", resolved.digest, AMD64, ALICE).config.architecture == "amd64"


def test_asking_again_with_basic_authentication_costs_two_heads(
    basic_registry: DockerRegistry, make_client: MakeClient
) -> None:
    client = make_client(basic_registry.url)
    client.resolve(reference("team/tool"), ALICE)
    before = len(basic_registry.requests())
    client.resolve(reference("team/tool"), ALICE)

    assert [line.split()[0] for line in basic_registry.requests()[before:]] == ["HEAD", "HEAD"]


def test_basic_authentication_with_a_wrong_or_no_login_is_a_refusal(
    basic_registry: DockerRegistry, make_client: MakeClient
) -> None:
    client = make_client(basic_registry.url)
    for login in (None, Login(user="alice", password="guess")):
        with pytest.raises(RegistryDenied):
            client.resolve(reference("team/tool"), login)


def test_an_unknown_tag_and_an_unknown_repository_are_unknown(
    registry: DockerRegistry, image: str, make_client: MakeClient
) -> None:
    image_maker.push(image, registry.host, "team/known:1")
    client = make_client(registry.url)
    for wanted in (reference("team/known", "2"), reference("team/unknown")):
        with pytest.raises(ManifestUnknown):
            client.resolve(wanted, None)


def test_a_repository_that_the_site_denies_is_not_even_asked_for(
    registry: DockerRegistry, make_client: MakeClient
) -> None:
    before = len(registry.requests())
    for settings in ({"deny": ("team/*",)}, {"allow": ("other/*",)}):
        with pytest.raises(RegistryForbidden, match="team/tool"):
            make_client(registry.url, **settings).resolve(reference("team/tool"), None)

    assert len(registry.requests()) == before


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls_files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """The server's; clients must show a certificate of the same authority."""
    directory = tmp_path_factory.mktemp("tls")
    leaf = authority.issue_cert("127.0.0.1")
    leaf.cert_chain_pems[0].write_to_path(directory / "server.pem")
    leaf.private_key_pem.write_to_path(directory / "server.key")
    authority.cert_pem.write_to_path(directory / "ca.pem")
    return TlsFiles(
        certificate=directory / "server.pem",
        key=directory / "server.key",
        client_authority=directory / "ca.pem",
    )


@pytest.fixture(scope="module")
def client_files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("client")
    leaf = authority.issue_cert("gateway.test")
    leaf.cert_chain_pems[0].write_to_path(directory / "client.cert")
    leaf.private_key_pem.write_to_path(directory / "client.key")
    return {"client_certificate": directory / "client.cert", "client_key": directory / "client.key"}


@pytest.fixture(scope="module")
def tls_registry(
    tls_files: TlsFiles,
    client_files: dict[str, Path],
    image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[DockerRegistry]:
    certificates = str(client_files["client_key"].parent)
    with docker_registry(tmp_path_factory.mktemp("tls-registry"), tls=tls_files) as running:
        image_maker.push(image, running.host, "team/tool:1", options=("--dest-cert-dir", certificates))
        yield running


def test_a_private_authority_and_a_client_certificate_let_us_in(
    tls_registry: DockerRegistry, make_client: MakeClient, tls_files: TlsFiles, client_files: dict[str, Path]
) -> None:
    client = make_client(tls_registry.url, ca_file=tls_files.client_authority, **client_files)

    assert client.resolve(reference("team/tool"), None).public


def test_an_authority_of_the_location_goes_before_the_environments(
    tls_registry: DockerRegistry,
    make_client: MakeClient,
    tls_files: TlsFiles,
    client_files: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_files.key))
    client = make_client(tls_registry.url, ca_file=tls_files.client_authority, **client_files)

    assert client.resolve(reference("team/tool"), None).public


def test_an_unknown_authority_is_no_connection(
    tls_registry: DockerRegistry, make_client: MakeClient, client_files: dict[str, Path]
) -> None:
    with pytest.raises(RegistryUnreachable, match="trusted"):
        make_client(tls_registry.url, **client_files).resolve(reference("team/tool"), None)


def test_a_server_that_wants_a_client_certificate_is_not_reached_without(
    tls_registry: DockerRegistry, make_client: MakeClient, tls_files: TlsFiles
) -> None:
    with pytest.raises(RegistryUnreachable):
        make_client(tls_registry.url, ca_file=tls_files.client_authority).resolve(reference("team/tool"), None)


def test_a_certificate_is_not_checked_only_if_the_site_says_so(
    tls_registry: DockerRegistry, make_client: MakeClient, client_files: dict[str, Path]
) -> None:
    client = make_client(tls_registry.url, verify=False, **client_files)

    assert client.resolve(reference("team/tool"), None).public


def test_nobody_at_home_is_no_connection(make_client: MakeClient) -> None:
    with pytest.raises(RegistryUnreachable):
        make_client("http://127.0.0.1:1").resolve(reference("team/tool"), None)


def test_skopeo_agrees_on_the_digest(registry: DockerRegistry, image: str, make_client: MakeClient) -> None:
    image_maker.push(image, registry.host, "team/agreed:1")
    name = f"docker://{registry.host}/team/agreed:1"
    inspect = ["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", name]
    expected = subprocess.run(inspect, stdout=subprocess.PIPE, check=True, timeout=60)

    found = make_client(registry.url).resolve(reference("team/agreed"), None)
    assert found.digest == expected.stdout.decode().strip()
