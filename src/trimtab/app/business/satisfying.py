"""How content users are, by each source that files name: answers of people, Apdex of spans, any series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.analyze.satisfaction.apdex import FORMULA, SOURCE, apdex_of
from trimtab.analyze.satisfaction.csat import Answers, Refused, read_csat, satisfaction_of, without_future
from trimtab.app.business.definitions import SatisfactionSource
from trimtab.app.files_in_force import signature_of
from trimtab.model.errors import InputError, MissingError, StoreError
from trimtab.store.business_reads import apdex_counts

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

FILE_BYTES_MAX = 64 * 1024 * 1024
Ask = Callable[[str, int], float | None]
"""One number of PromQL at a moment; None where there is no series. InputError, StoreError, MissingError."""


@dataclass(frozen=True, slots=True)
class SatisfactionNow:
    """A source as it stands. `value` None: `why` says why nobody knows. The interval holds 9 times in 10."""

    source: SatisfactionSource
    at_ms: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    count: int = 0
    method: str = ""
    why: str = ""
    refused: tuple[Refused, ...] = ()
    refused_count: int = 0

    @property
    def ratio(self) -> float | None:
        """As a share of the best there is."""
        return None if self.value is None else self.value / self.source.scale


class Satisfying:
    """Asks sources; files of answers are read again when they change. Not thread-safe."""

    def __init__(self, telemetry: TelemetryStore, ask: Ask) -> None:
        self._telemetry, self._ask = telemetry, ask
        self._read: dict[str, tuple[tuple[int, int, int] | None, Answers]] = {}

    def now(self, sources: Sequence[SatisfactionSource], now_ms: int) -> tuple[SatisfactionNow, ...]:
        """Each source."""
        self._read = {file: held for file, held in self._read.items() if file in {one.csat for one in sources}}
        return tuple(self._one(source, now_ms) for source in sources)

    def _one(self, source: SatisfactionSource, now_ms: int) -> SatisfactionNow:
        try:
            if source.csat:
                return self._csat(source, now_ms)
            if source.service:
                return self._apdex(source, now_ms)
            return self._series(source, now_ms)
        except (InputError, StoreError, MissingError) as error:
            return SatisfactionNow(source, now_ms, why=error.message)

    def _csat(self, source: SatisfactionSource, now_ms: int) -> SatisfactionNow:
        answers = without_future(self._answers(source), now_ms)
        found = satisfaction_of(answers, source.scale, now_ms - source.window_ms, now_ms)
        now = SatisfactionNow(source, now_ms, refused=answers.refused, refused_count=answers.refused_count)
        if found is None:
            return replace(now, why="no answer lies in the window")
        method = f"mean of {found.count} answers with its 90 % interval"
        return replace(now, value=found.mean, low=found.low, high=found.high, count=found.count, method=method)

    def _answers(self, source: SatisfactionSource) -> Answers:
        path = Path(source.csat)
        signature = signature_of(path)
        held = self._read.get(source.csat)
        if held is not None and held[0] == signature:
            return held[1]
        if signature is not None and signature[1] > FILE_BYTES_MAX:
            raise InputError(f"{path} has {signature[1]} bytes; the limit is {FILE_BYTES_MAX}")
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                answers = read_csat(file, source.scale, str(path))
        except OSError as error:
            raise InputError(f"{path} could not be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not UTF-8: {error.reason}") from None
        self._read[source.csat] = (signature, answers)
        return answers

    def _apdex(self, source: SatisfactionSource, now_ms: int) -> SatisfactionNow:
        counts = apdex_counts(
            self._telemetry, source.service, source.operation, source.target_s, now_ms - source.window_ms, now_ms
        )
        found = apdex_of(*counts)
        if found is None:
            return SatisfactionNow(source, now_ms, why=f"no span came into {source.service} in the window")
        return SatisfactionNow(source, now_ms, found.score, found.low, found.high, found.count, f"{SOURCE}: {FORMULA}")

    def _series(self, source: SatisfactionSource, now_ms: int) -> SatisfactionNow:
        value = self._ask(source.query, now_ms)
        if value is None:
            return SatisfactionNow(source, now_ms, why="the query found no series")
        if not 0 <= value <= source.scale:
            return SatisfactionNow(source, now_ms, why=f"{value:g} lies outside of the scale, 0 to {source.scale:g}")
        return SatisfactionNow(source, now_ms, value, method="PromQL, as it is; it has no interval")
