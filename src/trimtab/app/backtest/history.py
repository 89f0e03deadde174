"""Stored history as grids: of a Prometheus-compatible server (trimtab is one), or of a source in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from trimtab.model.alerts import Labels, labels_of
from trimtab.model.errors import InputError, ServerUnreachable
from trimtab.store.metrics.block import Source

STEPS_A_QUESTION = 10_000
"""Prometheus gives 11,000 moments of a series at most."""
STEPS_MAX = 2_000_000


@dataclass(frozen=True, slots=True)
class Frame:
    """Values of series, `[series, moments]`."""

    labels: list[Labels]
    values: NDArray[np.float64]
    present: NDArray[np.bool_]


class History(Protocol):
    """Answers PromQL over a range of moments."""

    @property
    def is_anchored(self) -> bool:
        """Whether it knows ranges that are `anchored`."""
        ...

    def ask(self, query: str, start_ms: int, step_ms: int, count: int) -> Frame:
        """Raises InputError (the query is wrong), ServerUnreachable."""
        ...


class SourceHistory:
    """A source in this process."""

    is_anchored = True

    def __init__(self, source: Source) -> None:
        self._source = source

    def ask(self, query: str, start_ms: int, step_ms: int, count: int) -> Frame:
        """See `History.ask`."""
        from trimtab.store.promql.evaluate import evaluate_range

        answer = evaluate_range(self._source, query, start_ms, start_ms + (count - 1) * step_ms, step_ms)
        return Frame(list(answer.labels), answer.values, answer.present)


class _Series(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]] = []


class _Data(msgspec.Struct):
    result: list[_Series]


class _Reply(msgspec.Struct):
    status: str
    data: _Data | None = None
    error: str = ""


class ServerHistory:
    """A server: `get(path, values)` gives status and body."""

    def __init__(self, get: Callable[[str, Mapping[str, str]], tuple[int, bytes]], *, is_anchored: bool) -> None:
        self._get = get
        self.is_anchored = is_anchored

    def ask(self, query: str, start_ms: int, step_ms: int, count: int) -> Frame:
        """See `History.ask`. Long ranges are asked in pieces."""
        if count > STEPS_MAX:
            raise InputError(f"{count} moments; at most {STEPS_MAX}: take a shorter time or a longer --step")
        rows: dict[Labels, NDArray[np.float64]] = {}
        seen: dict[Labels, NDArray[np.bool_]] = {}
        for first in range(0, count, STEPS_A_QUESTION):
            many = min(STEPS_A_QUESTION, count - first)
            since_ms = start_ms + first * step_ms
            for series in self._piece(query, since_ms, step_ms, many):
                labels = labels_of(series.metric)
                if labels not in rows:
                    rows[labels], seen[labels] = np.full(count, np.nan), np.zeros(count, np.bool_)
                at = np.array([round(when * 1000) for when, _ in series.values], np.int64)
                places = first + (at - since_ms) // step_ms
                rows[labels][places] = np.array([float(text) for _, text in series.values])
                seen[labels][places] = True
        labels_all = sorted(rows)
        if not labels_all:
            return Frame([], np.zeros((0, count)), np.zeros((0, count), np.bool_))
        return Frame(
            labels_all, np.stack([rows[one] for one in labels_all]), np.stack([seen[one] for one in labels_all])
        )

    def _piece(self, query: str, start_ms: int, step_ms: int, count: int) -> list[_Series]:
        values = {
            "query": query,
            "start": f"{start_ms / 1000:.3f}",
            "end": f"{(start_ms + (count - 1) * step_ms) / 1000:.3f}",
            "step": f"{step_ms / 1000:g}",
        }
        status, body = self._get("/api/v1/query_range", values)
        try:
            reply = msgspec.json.decode(body, type=_Reply)
        except msgspec.MsgspecError:
            raise ServerUnreachable(f"the server answered {status} and no JSON of Prometheus' API") from None
        if reply.data is None:
            if status >= 500:
                raise ServerUnreachable(f"the server says {status}: {reply.error}")
            raise InputError(reply.error or f"the server says {status}", status=status)
        return reply.data.result
