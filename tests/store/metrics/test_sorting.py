"""Segments come to the engine in the order of their table, whatever order senders have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest

from trimtab.model.errors import EngineRefused
from trimtab.store.engine import Body, Parameters
from trimtab.store.frames import Message
from trimtab.store.metrics.messages import SAMPLES, STORED_SAMPLES
from trimtab.store.metrics.packed import bits_of
from trimtab.store.metrics.sinks import NativeSink

pytestmark = pytest.mark.store


class Recorder:
    """What would be an engine."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def write(
        self, sql: str, parameters: Parameters | None = None, bodies: Mapping[str, Body] | None = None
    ) -> pa.Table:
        self.bodies += [b"".join(body.parts) for body in (bodies or {}).values()]
        return pa.schema([]).empty_table()


def messages_of(ids: np.ndarray, at_ms: np.ndarray, values: np.ndarray, sizes: list[int]) -> list[Message]:
    ends = np.cumsum(sizes).tolist()
    pieces = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    rows = [SAMPLES.pack({"id": ids[piece], "at_ms": at_ms[piece], "value": values[piece]}) for piece in pieces]
    return [Message(index, sizes[index], payload) for index, payload in enumerate(rows)]


@pytest.mark.parametrize("is_shuffled", [False, True])
def test_rows_are_sorted_by_id_and_time_and_none_is_lost(is_shuffled: bool) -> None:
    draw = np.random.default_rng(8)
    series = draw.integers(0, 1 << 63, 5000).astype(np.uint64) | (draw.integers(0, 3, 5000).astype(np.uint64) << 62)
    ids, at_ms = np.tile(series, 6), np.repeat(np.arange(6) * 1000, 5000) + draw.integers(0, 1500, 30_000)
    if is_shuffled:
        ids = draw.permutation(ids)
    values = np.arange(30_000.0)
    values[7] = np.uint64(0x7FF0000000000002).view(np.float64)
    recorder = Recorder()
    NativeSink(recorder, SAMPLES).load(1, messages_of(ids, at_ms, values, [4000, 1, 0, 12_000, 13_999]))  # type: ignore[arg-type]
    (block,) = recorder.bodies
    found = STORED_SAMPLES.unpack(block)
    order = np.lexsort((at_ms, ids))  # stable: what came later is behind
    assert found["id"].tolist() == ids[order].tolist()
    assert found["at_ms"].tolist() == at_ms[order].tolist()
    assert bits_of(found["packed"].astype(np.int64)).tolist() == values[order].view(np.int64).tolist()


def test_a_message_that_is_no_block_is_refused_before_the_engine_sees_any() -> None:
    good = messages_of(np.array([1], np.uint64), np.array([1]), np.array([1.0]), [1])
    recorder = Recorder()
    with pytest.raises(EngineRefused, match="is no block"):
        NativeSink(recorder, SAMPLES).load(1, [*good, Message(1, 1, good[0].payload[:-1])])  # type: ignore[arg-type]
    assert recorder.bodies == []
