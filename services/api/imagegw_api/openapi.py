"""The OpenAPI document: what FastAPI knows of `/api/v1`, and the plain routes' entries, written by hand."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from imagegw_api.models import Problem

_TEXT = {"type": "string"}
_SYSTEM = {"name": "system", "in": "path", "required": True, "schema": _TEXT, "description": "a platform"}
_KIND = {
    "name": "type",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "enum": ["docker", "custom"]},
}
_TAG = {
    "name": "tag",
    "in": "path",
    "required": True,
    "schema": _TEXT,
    "description": "a tag as typed, percent-encoded or not; without `:` it means `:latest`",
}
_IDS = {"anyOf": [_TEXT, {"type": "array", "items": {"type": "integer"}}]}

_COMPONENTS: dict[str, Any] = {
    "WireError": {
        "type": "object",
        "required": ["error", "message", "status"],
        "properties": {"error": _TEXT, "message": _TEXT, "status": {"type": "integer"}},
    },
    "WireWish": {
        "type": "object",
        "properties": {"allowed_uids": _IDS, "allowed_gids": _IDS},
        "description": "ids as `1000,1001` or as a list",
    },
    "WireRecord": {
        "type": "object",
        "description": "what is not known is the text MISSING, never null",
        "required": [
            "id",
            "system",
            "itype",
            "tag",
            "status",
            "userACL",
            "groupACL",
            "ENV",
            "ENTRY",
            "WORKDIR",
            "LABELS",
            "last_pull",
            "status_message",
        ],
        "properties": {
            "id": _TEXT,
            "system": _TEXT,
            "itype": _TEXT,
            "tag": {"type": "array", "items": _TEXT},
            "status": _TEXT,
            "userACL": {"type": "array", "items": {"type": "integer"}},
            "groupACL": {"type": "array", "items": {"type": "integer"}},
            "last_pull": {"anyOf": [{"type": "number"}, _TEXT]},
            "status_message": _TEXT,
        },
    },
    "WireQueue": {
        "type": "object",
        "properties": {
            "list": {
                "type": "array",
                "items": {"type": "object", "properties": {"status": _TEXT, "image": _TEXT}},
            }
        },
    },
    "WireList": {
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": {"$ref": "#/components/schemas/WireRecord"}},
        },
    },
    "Health": {"type": "object", "properties": {"status": _TEXT, "database": _TEXT, "broker": _TEXT}},
}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _call(summary: str, schema: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    refused = {code: {"description": "refused", "content": _json("WireError")} for code in ("401", "404", "503")}
    return {
        "summary": summary,
        "tags": ["deployed clients"],
        "parameters": parameters,
        "responses": {"200": {"description": "found", "content": _json(schema)}, **refused},
    }


def _health(summary: str, *codes: str) -> dict[str, Any]:
    answers = {code: {"description": "health", "content": _json("Health")} for code in codes}
    return {"get": {"summary": summary, "tags": ["health"], "security": [], "responses": answers}}


def _paths() -> dict[str, Any]:
    pull = _call("Start a pull, or tell how it is going", "WireRecord", [_SYSTEM, _KIND, _TAG])
    pull["requestBody"] = {"required": False, "content": _json("WireWish")}
    return {
        "/api/list/{system}/": {"get": _call("Images of a platform", "WireList", [_SYSTEM])},
        "/api/queue/{system}/": {"get": _call("Pulls of a platform", "WireQueue", [_SYSTEM])},
        "/api/lookup/{system}/{type}/{tag}/": {
            "get": _call("One image", "WireRecord", [_SYSTEM, _KIND, _TAG]),
        },
        "/api/pull/{system}/{type}/{tag}/": {"post": pull},
        "/healthz": _health("Whether the process lives", "200"),
        "/readyz": _health("Whether database and broker answer", "200", "503"),
    }


def describe(app: FastAPI) -> dict[str, Any]:
    """The whole document."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas |= {**_COMPONENTS, "Problem": Problem.model_json_schema()}
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    document["paths"] |= _paths()
    return document
