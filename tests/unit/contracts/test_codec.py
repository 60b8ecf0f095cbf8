"""The codec: what is encoded comes back; everything else is refused with a reason, never another error."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegw.contracts.codec import decode, encode
from imagegw.contracts.message import Message
from imagegw.contracts.work import Work, WorkKind
from imagegw.errors import MessageInvalid

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(kind=st.sampled_from(WorkKind), id_=st.text(min_size=1, max_size=512).filter(str.isprintable))
def test_what_is_encoded_comes_back(kind: WorkKind, id_: str) -> None:
    message = Work(kind=kind, id=id_)
    assert decode(encode(message)) == message


def test_the_wire_form_is_schema_kind_id() -> None:
    body = json.loads(encode(Work(kind=WorkKind.PULL, id="p1")))
    assert body == {"schema": "imagegw.work/1", "kind": "pull", "id": "p1"}


def test_a_field_of_a_newer_service_is_kept() -> None:
    body = b'{"schema":"imagegw.work/1","kind":"image","id":"i","priority":3}'
    assert json.loads(encode(decode(body)))["priority"] == 3


@given(st.binary())
def test_any_bytes_are_refused_with_a_reason(body: bytes) -> None:
    with pytest.raises(MessageInvalid):
        decode(body)


@given(json_values, json_values, json_values)
def test_fields_of_any_type_decode_or_are_refused(schema: Any, kind: Any, id_: Any) -> None:
    for named in (schema, "imagegw.work/1"):
        try:
            message = decode(json.dumps({"schema": named, "kind": kind, "id": id_}).encode())
        except MessageInvalid:
            continue
        assert isinstance(message, Work)


@pytest.mark.parametrize(
    "schema", ["imagegw.work/2", "imagegw.other/1", "imagegw.work/0", "imagegw.work/²", "imagegw.work"]
)
def test_an_unknown_schema_is_refused(schema: str) -> None:
    with pytest.raises(MessageInvalid):
        decode(json.dumps({"schema": schema, "kind": "pull", "id": "p"}).encode())


def test_an_old_version_goes_through_every_upcast() -> None:
    class Third(Message):
        schema_name: ClassVar[str] = "t"
        version: ClassVar[int] = 3
        path: list[str]

    upcasts = {("t", 1): lambda f: {**f, "path": ["1"]}, ("t", 2): lambda f: {**f, "path": [*f["path"], "2"]}}
    message = decode(b'{"schema":"t/1"}', messages={"t": Third}, upcasts=upcasts)
    assert isinstance(message, Third)
    assert message.path == ["1", "2"]
