"""What every store does. A new store joins by one line in ``STORES``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagegw.errors import BlobCorrupt, BlobMissing, ManifestInvalid
from imagegw.store.directory import DirectoryStore
from imagegw.store.port import Collectable, Resumable, Store, Upload

STORES: dict[str, Callable[[Path], Store]] = {"directory": DirectoryStore}

BODY = b"some bytes of a layer" * 1000
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()
LONG_DIGEST = "sha512:" + hashlib.sha512(BODY).hexdigest()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return STORES[request.param](tmp_path / "store")


@pytest.fixture
def resumable(store: Store) -> Resumable:
    if not isinstance(store, Resumable):
        pytest.skip("this store starts every upload anew")
    return store


@pytest.fixture
def collectable(store: Store) -> Collectable:
    if not isinstance(store, Collectable):
        pytest.skip("this store cannot say what it holds")
    return store


def in_pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 1000):
        yield body[start : start + 1000]


def read(store: Store, digest: str) -> bytes:
    with store.open(digest) as file:
        return file.read()


def begin(resumable: Resumable, claim: str, upto: int) -> None:
    """Writes the first *upto* bytes and leaves."""
    with resumable.resume(DIGEST, len(BODY), claim=claim) as upload:
        upload.write(BODY[upload.offset : upto])


def finish(upload: Upload) -> None:
    upload.write(BODY[upload.offset :])
    upload.commit()


@pytest.mark.parametrize("digest", [DIGEST, LONG_DIGEST])
def test_what_is_put_is_there(store: Store, digest: str) -> None:
    store.put(digest, len(BODY), in_pieces(BODY))

    assert store.has(digest)
    assert read(store, digest) == BODY


def test_what_was_never_put_is_not_there(store: Store) -> None:
    assert not store.has(DIGEST)
    with pytest.raises(BlobMissing):
        store.open(DIGEST)


def test_an_empty_blob_can_be_put(store: Store) -> None:
    digest = "sha256:" + hashlib.sha256(b"").hexdigest()
    store.put(digest, 0, iter(()))

    assert read(store, digest) == b""


def test_putting_twice_is_putting_once(store: Store) -> None:
    store.put(DIGEST, len(BODY), in_pieces(BODY))
    store.put(DIGEST, len(BODY), in_pieces(BODY))

    assert read(store, DIGEST) == BODY


@pytest.mark.parametrize(
    "wrong", [BODY[:-1], BODY + b"!", b"", b"X" + BODY[1:]], ids=["short", "long", "empty", "other"]
)
def test_wrong_bytes_are_never_seen(store: Store, wrong: bytes) -> None:
    with pytest.raises(BlobCorrupt):
        store.put(DIGEST, len(BODY), in_pieces(wrong))

    assert not store.has(DIGEST)


def test_a_put_does_not_read_on_when_there_is_too_much(store: Store) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"0" * 1000

    with pytest.raises(BlobCorrupt, match="more"):
        store.put(DIGEST, len(BODY), endless())


def test_a_put_whose_source_fails_leaves_nothing(store: Store) -> None:
    def broken() -> Iterator[bytes]:
        yield BODY[:1000]
        raise ConnectionError("of the source")

    with pytest.raises(ConnectionError):
        store.put(DIGEST, len(BODY), broken())

    assert not store.has(DIGEST)
    store.put(DIGEST, len(BODY), in_pieces(BODY))
    assert read(store, DIGEST) == BODY


def test_many_putting_one_blob_all_succeed(store: Store) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda _: store.put(DIGEST, len(BODY), in_pieces(BODY)), range(24)))

    assert read(store, DIGEST) == BODY


def test_deleting_takes_away_and_may_be_repeated(store: Store) -> None:
    store.put(DIGEST, len(BODY), in_pieces(BODY))
    store.delete(DIGEST)
    store.delete(DIGEST)

    assert not store.has(DIGEST)


def test_what_is_open_stays_readable_when_it_is_deleted(store: Store) -> None:
    store.put(DIGEST, len(BODY), in_pieces(BODY))
    with store.open(DIGEST) as file:
        store.delete(DIGEST)
        assert file.read() == BODY


@pytest.mark.parametrize("name", ["", "sha256:", "sha256:../../etc/passwd", "md5:" + "0" * 32, DIGEST.upper()])
def test_what_is_no_digest_never_becomes_a_name(store: Store, name: str) -> None:
    with pytest.raises(ManifestInvalid):
        store.put(name, len(BODY), in_pieces(BODY))
    with pytest.raises(ManifestInvalid):
        store.has(name)


def test_an_upload_goes_on_where_its_claim_left_it(store: Store, resumable: Resumable) -> None:
    begin(resumable, "one", 5000)
    with resumable.resume(DIGEST, len(BODY), claim="one") as upload:
        offset = upload.offset
        finish(upload)

    assert offset == 5000
    assert read(store, DIGEST) == BODY


def test_an_upload_is_taken_over_from_a_claim_that_left_it(store: Store, resumable: Resumable) -> None:
    begin(resumable, "short", 3000)
    with resumable.resume(DIGEST, len(BODY), claim="long") as upload:
        upload.restart()
        upload.write(BODY[:7000])
    begin(resumable, "another", 2000)

    with resumable.resume(DIGEST, len(BODY), claim="heir") as upload:
        offset = upload.offset
        finish(upload)

    assert offset == 7000
    assert read(store, DIGEST) == BODY


def test_an_upload_is_not_taken_from_a_living_writer(store: Store, resumable: Resumable) -> None:
    with resumable.resume(DIGEST, len(BODY), claim="living") as first:
        first.write(BODY[:5000])
        with resumable.resume(DIGEST, len(BODY), claim="other") as second:
            offset = second.offset
            finish(second)
        finish(first)

    assert offset == 0
    assert read(store, DIGEST) == BODY


def test_a_restarted_upload_begins_at_its_beginning(store: Store, resumable: Resumable) -> None:
    begin(resumable, "one", 5000)
    with resumable.resume(DIGEST, len(BODY), claim="one") as upload:
        upload.restart()
        finish(upload)

    assert read(store, DIGEST) == BODY


def test_a_wrong_upload_is_thrown_away(store: Store, resumable: Resumable) -> None:
    with resumable.resume(DIGEST, len(BODY), claim="one") as upload:
        upload.write(b"X" + BODY[1:])
        with pytest.raises(BlobCorrupt):
            upload.commit()
    with resumable.resume(DIGEST, len(BODY), claim="one") as upload:
        offset = upload.offset

    assert offset == 0
    assert not store.has(DIGEST)


def test_a_store_says_what_it_holds(store: Store, collectable: Collectable) -> None:
    store.put(DIGEST, len(BODY), in_pieces(BODY))
    store.put(LONG_DIGEST, len(BODY), in_pieces(BODY))

    found = {blob.digest: blob for blob in collectable.blobs()}

    assert found.keys() == {DIGEST, LONG_DIGEST}
    assert found[DIGEST].size_bytes == len(BODY)
    assert found[DIGEST].unused_s < 60


def test_uploads_that_nobody_goes_on_with_are_dropped(
    store: Store, resumable: Resumable, collectable: Collectable
) -> None:
    begin(resumable, "dead", 5000)
    with resumable.resume(LONG_DIGEST, len(BODY), claim="living") as upload:
        upload.write(BODY[:1000])
        dropped = collectable.drop_stale_uploads(unused_s=-60)
        finish(upload)

    assert dropped == 1
    assert store.has(LONG_DIGEST)
