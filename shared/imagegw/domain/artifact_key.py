"""The name of what converting one manifest with one set of options yields."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

    from imagegw.domain.conversion import ConversionOptions

KEY_VERSION = 1
"""Raised when the converter begins to write other bytes for the same layers and options."""


def artifact_key(manifest_digest: str, options: ConversionOptions) -> str:
    """Give the key as 64 lower-case hex digits.

    Args:
        manifest_digest: of the platform's own manifest, never of the index that led to it.
        options: those that change no byte do not change the key.
    """
    return hashlib.sha256(canonical_json(key_document(manifest_digest, options))).hexdigest()


def key_document(manifest_digest: str, options: ConversionOptions) -> dict[str, JsonValue]:
    """Give what the key is the hash of."""
    return {
        "format": options.format,
        "manifest": manifest_digest,
        "options": options.that_change_bytes(),
        "version": KEY_VERSION,
    }


def canonical_json(value: JsonValue) -> bytes:
    """Serialise as RFC 8785 does, for values with ASCII keys and without floats.

    >>> canonical_json({"b": [1, None], "a": "x"})
    b'{"a":"x","b":[1,null]}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
