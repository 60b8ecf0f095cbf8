"""The document that says of what, how and by what an image file was made.

An in-toto statement (in-toto attestation framework, v1) whose predicate is SLSA provenance v1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import JsonValue

    from imagegw.domain.conversion import ConversionOptions
    from imagegw_converter.formats.port import Writer
    from imagegw_converter.source import ConversionInput

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:imagegw:convert:v1"
BUILDER = "urn:imagegw:converter"


def statement(
    image: ConversionInput,
    options: ConversionOptions,
    writer: Writer,
    *,
    gateway_version: str,
    digest: str,
    started: datetime,
    finished: datetime,
) -> dict[str, JsonValue]:
    """Give the document for a file of that ``digest``."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [_resource(f"image.{options.format}", digest)],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"format": options.format, "options": options.that_change_bytes()},
                "resolvedDependencies": [
                    _resource("manifest", image.manifest_digest),
                    *(_resource(f"layer {n}", layer.digest) for n, layer in enumerate(image.layers, 1)),
                ],
            },
            "runDetails": {
                "builder": {
                    "id": BUILDER,
                    "version": {"imagegw": gateway_version, writer.name: writer.version},
                },
                "metadata": {"startedOn": started.isoformat(), "finishedOn": finished.isoformat()},
            },
        },
    }


def _resource(name: str, digest: str) -> JsonValue:
    algorithm, _, value = digest.partition(":")
    return {"name": name, "digest": {algorithm: value}}
