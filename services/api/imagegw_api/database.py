"""Reading from the event loop: the same filters as the other services', by pymongo's asynchronous client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import AsyncMongoClient, ReturnDocument, WriteConcern
from pymongo.read_concern import ReadConcern

from imagegw.domain.records import Artifact, Image, Pull, Tag, tag_key
from imagegw.mongo import owed, queries
from imagegw.mongo.client import translated
from imagegw.mongo.documents import COLLECTIONS, Record, as_record
from imagegw.mongo.owed import owed_key
from imagegw.mongo.port import Document, Filter, Sort

_WITHOUT_HISTORY = {"history": False}


@dataclass(frozen=True, kw_only=True)
class Tagged:
    """A tag, what it stands for, and all tags that stand for the same."""

    tag: Tag
    image: Image | None
    same: list[Tag]


class Reader:
    """What the hot calls ask for. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, client: AsyncMongoClient[dict[str, Any]], name: str) -> None:
        light = WriteConcern(w=1)
        self._client = client
        self._database = client.get_database(name, read_concern=ReadConcern("majority"), write_concern=light)

    async def ping(self) -> None:
        """Return if the database answers."""
        with translated():
            await self._client.admin.command("ping")

    async def read(self, kind: type[Record], identity: str | None) -> Record | None:
        """The record of that id, or None."""
        if identity is None:
            return None
        with translated():
            found = await self._database[COLLECTIONS[kind]].find_one({"_id": identity}, _WITHOUT_HISTORY)
        return None if found is None else as_record(kind, found)

    async def find(self, kind: type[Record], query: Filter, *, sort: Sort = (), limit: int = 0) -> list[Record]:
        """Matching records; limit 0 means all."""
        return [as_record(kind, document) for document in await self.find_raw(kind, query, sort=sort, limit=limit)]

    async def find_raw(
        self, kind: type[Record], query: Filter, *, sort: Sort = (), limit: int = 0, only: Sequence[str] = ()
    ) -> list[Document]:
        """Matching documents without their history, or *only* some fields of them."""
        fields: dict[str, bool] = dict.fromkeys(only, True) if only else _WITHOUT_HISTORY
        with translated():
            found = self._database[COLLECTIONS[kind]].find(query, fields, limit=limit)
            return await (found.sort(list(sort)) if sort else found).to_list()

    async def read_document(self, kind: type[Record], identity: str) -> Document | None:
        """The whole document of that id, with its history."""
        with translated():
            return await self._database[COLLECTIONS[kind]].find_one({"_id": identity})

    async def read_tag(self, platform: str, kind: str, tag: str) -> Tag | None:
        """The tag as typed."""
        return await self.read(Tag, tag_key(platform, kind, tag))

    async def read_tagged(self, platform: str, kind: str, tag: str) -> Tagged | None:
        """The tag as typed with its image, in one round trip: the hot call."""
        with translated():
            found = await self._database.tags.aggregate(queries.with_image(tag_key(platform, kind, tag)))
            documents = await found.to_list()
        if not documents:
            return None
        document = documents[0]
        images, same = document.pop("images"), document.pop("same")
        return Tagged(
            tag=as_record(Tag, document),
            image=as_record(Image, images[0]) if images else None,
            same=[as_record(Tag, each) for each in same],
        )

    async def newest_attempt(self, platform: str, kind: str, tag: str, uid: int) -> Pull | None:
        """A requester's newest attempt for a tag."""
        query = queries.attempts(platform, kind, tag, uid)
        found = await self.find(Pull, query, sort=queries.NEWEST_FIRST, limit=1)
        return found[0] if found else None

    async def why_waiting(self, pull: Pull) -> str | None:
        """What keeps the things that a live pull follows from going on, if they say so."""
        if not pull.live or pull.status_message is not None:
            return None
        image = await self.read(Image, pull.image)
        artifact = await self.read(Artifact, pull.artifact)
        reasons = [r.status_message for r in (image, artifact) if r is not None and r.status_message is not None]
        return reasons[0] if reasons else None

    async def take_owed(self, key: tuple[int, str, str, str]) -> str | None:
        """The pull whose outcome a request takes; None when it is owed nothing."""
        with translated():
            found = await self._database.owed.find_one_and_update(
                {"_id": owed_key(*key)}, owed.take(), return_document=ReturnDocument.AFTER
            )
        taken: str | None = None if found is None else found["taken"]
        return taken

    async def owe(self, key: tuple[int, str, str, str], pull_id: str) -> None:
        """Note that an answer in flight was given."""
        with translated():
            await self._database.owed.update_one({"_id": owed_key(*key)}, owed.owe(pull_id), upsert=True)

    async def note_usage(self, records: Sequence[Document]) -> None:
        """Write usage records."""
        with translated():
            await self._database.usage.insert_many(records, ordered=False)

    async def queue(self, platform: str, failed_since: datetime) -> list[Pull]:
        """Live pulls of a platform, and those that have failed since, oldest first."""
        live = await self.find(Pull, queries.live_on(platform), sort=queries.OLDEST_FIRST)
        failed = await self.find(Pull, queries.failed_since(platform, failed_since), sort=queries.OLDEST_FIRST)
        return sorted([*live, *failed], key=lambda pull: pull.created)
