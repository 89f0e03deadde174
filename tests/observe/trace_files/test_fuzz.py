"""Whatever stands in a file, it is read, or refused with a message: nothing else comes of it."""

from __future__ import annotations

import copy
import io
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.observe.trace_files.test_jaeger_json import TRACE, otlp_resource
from trimtab.observe.trace_files.documents import Reader, jaeger_spans, otlp_spans
from trimtab.observe.trace_files.places import BadFile
from trimtab.observe.trace_files.reading import read_requests

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(("ab", "0", "binary", "CHILD_OF", "1e400")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
DOCUMENTS = ({"data": [TRACE]}, {"resourceSpans": [otlp_resource()]})


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in places(one, (*path, key)))]


def with_changed(document: Any, path: tuple[Any, ...], to: Any) -> Any:
    if not path:
        return to
    made = copy.deepcopy(document)
    holder = made
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = to
    return made


@pytest.mark.slow
@settings(max_examples=400, deadline=None, database=None)
@given(data=st.data(), value=JSON, reader=st.sampled_from((jaeger_spans, otlp_spans)))
def test_one_thing_in_a_document_is_another(data: st.DataObject, value: Any, reader: Reader) -> None:
    document = data.draw(st.sampled_from(DOCUMENTS))
    path = data.draw(st.sampled_from(places(document)))
    text = json.dumps(with_changed(document, path, value)).encode()
    with suppress(BadFile):
        read_requests(io.BytesIO(text), reader)


@settings(max_examples=300, deadline=None, database=None)
@given(text=st.binary(max_size=200), cut=st.integers(0, 2000), reader=st.sampled_from((jaeger_spans, otlp_spans)))
def test_bytes_of_any_kind(text: bytes, cut: int, reader: Reader) -> None:
    whole = json.dumps({"data": [TRACE]}).encode()
    for body in (text, whole[:cut] + text, whole + text):
        with suppress(BadFile):
            read_requests(io.BytesIO(body), reader)


def test_a_document_that_is_nested_very_deeply() -> None:
    for text in (b"[" * 100_000, b'{"data":' * 50_000, b'{"resourceSpans":' + b"[" * 100_000):
        for reader in (jaeger_spans, otlp_spans):
            with pytest.raises(BadFile):
                read_requests(io.BytesIO(text), reader)
