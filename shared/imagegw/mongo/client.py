"""The database in mongod: majority writes with journal, and errors in our own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient, ReturnDocument
from pymongo.collection import Collection as PyMongoCollection
from pymongo.errors import (
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from imagegw.errors import DatabaseAway
from imagegw.mongo.indexes import INDEXES, Index, Retention
from imagegw.mongo.port import Document, Filter, Sort, Update

_DURABLE = WriteConcern(w="majority", j=True, wtimeout=10_000)
_LIGHT = WriteConcern(w=1)
_INDEX_OPTIONS_CONFLICT = 85
"""mongod's code for an index that stands already and differs in more than its fields."""
TIMEOUTS: dict[str, Any] = {
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
    "socketTimeoutMS": 20_000,
}

MongoCollectionOf = PyMongoCollection[dict[str, Any]]


def connect(uri: str, application: str) -> MongoClient[dict[str, Any]]:
    """A client that asks nothing yet; times are aware UTC."""
    return MongoClient(uri, appname=application, tz_aware=True, retryWrites=False, **TIMEOUTS)


class MongoDatabase:
    """The gateway's collections in one database of a mongod."""

    def __init__(self, client: MongoClient[dict[str, Any]], name: str) -> None:
        database = client.get_database(name, read_concern=ReadConcern("majority"), write_concern=_DURABLE)
        self.pulls = MongoCollection(database["pulls"])
        self.artifacts = MongoCollection(database["artifacts"])
        self.images = MongoCollection(database["images"])
        self.tags = MongoCollection(database["tags"])
        self.owed = MongoCollection(database["owed"])
        self.gates = MongoCollection(database["gates"])
        self.usage = MongoCollection(database["usage"])
        self.secrets = MongoCollection(database["secrets"])
        self.locks = MongoCollection(database["locks"])
        self.dead = MongoCollection(database["dead"])

    def make_indexes(self, retention: Retention) -> None:
        """Make every index that is missing, and let what is kept go when *retention* now says.

        Raises:
            DatabaseAway: the database does not answer.
        """
        for name, indexes in INDEXES.items():
            collection: MongoCollection = getattr(self, name)
            for index in indexes:
                collection.make_index(index, index.ttl_s(retention))


class MongoCollection:
    """One collection, as `imagegw.mongo.port.Collection` has it."""

    def __init__(self, durable: MongoCollectionOf) -> None:
        self._durable = durable
        self._light = durable.with_options(write_concern=_LIGHT)

    def make_index(self, index: Index, ttl_s: int | None) -> None:
        """Make the index if it is missing; one that stands with another time to live gets this one."""
        options: dict[str, Any] = {"unique": index.unique}
        if index.partial:
            options["partialFilterExpression"] = dict(index.partial)
        if ttl_s is not None:
            options["expireAfterSeconds"] = ttl_s
        with translated():
            try:
                self._durable.create_index(list(index.fields), **options)
            except OperationFailure as error:
                if error.code != _INDEX_OPTIONS_CONFLICT or ttl_s is None:
                    raise
                changed = {"keyPattern": dict(index.fields), "expireAfterSeconds": ttl_s}
                self._durable.database.command("collMod", self._durable.name, index=changed)

    def get(self, identity: str) -> Document | None:
        with translated():
            return self._durable.find_one({"_id": identity})

    def find(self, query: Filter, *, sort: Sort = (), limit: int = 0) -> list[Document]:
        with translated():
            found = self._durable.find(query, {"history": False}, limit=limit)
            return list(found.sort(list(sort)) if sort else found)

    def count(self, query: Filter) -> int:
        with translated():
            return self._durable.count_documents(query)

    def insert(self, document: Document) -> bool:
        with translated():
            try:
                self._durable.insert_one(dict(document))
            except DuplicateKeyError:
                return False
            return True

    def update(self, query: Filter, update: Update) -> Document | None:
        with translated():
            after: Document | None = self._durable.find_one_and_update(
                query, update, return_document=ReturnDocument.AFTER
            )
            return after

    def note(self, query: Filter, update: Update) -> bool:
        with translated():
            return self._light.update_one(query, update).matched_count > 0

    def delete(self, query: Filter) -> int:
        with translated():
            return self._durable.delete_many(query).deleted_count


@contextmanager
def translated() -> Iterator[None]:
    """Errors that say nothing of the question, only of the server's state, become DatabaseAway."""
    try:
        yield
    except (ConnectionFailure, WTimeoutError, ExecutionTimeout) as error:
        raise DatabaseAway(f"the database does not answer: {type(error).__name__}") from error
    except PyMongoError as error:
        if _is_passing(error):
            raise DatabaseAway(f"the database is in change: {type(error).__name__}") from error
        raise


def _is_passing(error: PyMongoError) -> bool:
    """Whether a server that steps down, shuts down or starts up said this."""
    details = getattr(error, "details", None)
    labels = details.get("errorLabels", []) if isinstance(details, Mapping) else []
    return "RetryableWriteError" in labels or getattr(error, "code", None) in {91, 189, 10107, 11600, 11602, 13435}
