"""What the tests against scripted peers share: one small image, and how it is read."""

from __future__ import annotations

from imagegw.domain.manifests import blobs_of
from imagegw.domain.oci import Architecture
from imagegw.domain.reference import Reference
from imagegw.registry.client import RegistryClient
from imagegw.registry.settings import Login

AMD64 = Architecture(architecture="amd64")
ALICE = Login(user="alice", password="secret")
TOOL = Reference(location="test", repository="team/tool", tag="1")
LAYER = b"layer" * 1000


def read_layer(client: RegistryClient, login: Login | None = None) -> bytes:
    """The layer of the image that TOOL means, by way of its tag, manifest and configuration."""
    resolved = client.resolve(TOOL, login)
    found = client.platform_manifest("team/tool", resolved.digest, AMD64, login)
    with client.blobs("team/tool", login).open_blob(blobs_of(found.manifest)[1]) as stream:
        return b"".join(stream.chunks())
