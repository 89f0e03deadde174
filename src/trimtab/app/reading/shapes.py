"""Query shapes: a list that sorts and searches thousands at once, and one shape with everything about it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from trimtab.app.reading.answers import ShapeRow, ShapeSort, ShapesPage, ShapeStory
from trimtab.app.reading.facts import Facts
from trimtab.app.reading.ranges import Range
from trimtab.app.reading.rows import case_rows, change_row, shortened
from trimtab.app.reading.texts import ShapeTexts, fits
from trimtab.model.errors import NotFound
from trimtab.model.query import QueryShape
from trimtab.store.shape_sums import ShapeSums
from trimtab.store.state import State
from trimtab.store.state_of_shapes import cases_of_shape, changes_near_shape, newest_cases

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


class Shapes:
    """Lists and stories of shapes."""

    def __init__(self, facts: Facts, state: State, texts: ShapeTexts) -> None:
        self._facts = facts
        self._state = state
        self._texts = texts

    def page(
        self,
        system: str | None,
        within: Range,
        search: str,
        sort: ShapeSort,
        descending: bool,
        limit: int,
        offset: int,
    ) -> ShapesPage:
        """See `Reader.shapes`."""
        sums = self._facts.shapes(within, system)
        observed = self._facts.observed_ms(within)
        places = self._found(sums, search.strip().lower())
        p95_ms: dict[str, float] | None = None
        if sort is ShapeSort.P95:
            p95_ms = self._facts.p95_ms(within, None)
        shown = self._sorted(sums, places, sort, descending, p95_ms or {})[offset : offset + limit].tolist()
        return ShapesPage(
            from_ms=within.from_ms,
            to_ms=within.to_ms,
            observed_s=max((time_ms for name, time_ms in observed.items() if system in (None, name)), default=0) / 1000,
            source=sums.source,
            total=len(places),
            rows=self._rows(sums, shown, observed, within, p95_ms),
        )

    def story(self, system: str, fingerprint: str, within: Range) -> ShapeStory:
        """See `Reader.shape`."""
        shape = self._texts.of(system).get(fingerprint)
        cases = cases_of_shape(self._state.database, system, fingerprint)
        totals = self._totals(system, fingerprint, within)
        if shape is None and not cases and totals is None:
            raise NotFound(f"system {system!r} has no query {fingerprint!r}", system=system, fingerprint=fingerprint)
        text = shape.text if shape is not None else cases[0].query_text if cases else ""
        tables = () if shape is None else shape.tables
        changes = changes_near_shape(self._state.database, system, fingerprint, tables)
        return ShapeStory(
            system=system,
            fingerprint=fingerprint,
            shape=text,
            statement=None if shape is None else shape.statement.value,
            tables=tables,
            totals=totals,
            cases=case_rows(self._state, cases),
            changes=tuple(change_row(self._state, change) for change in changes),
        )

    def _totals(self, system: str, fingerprint: str, within: Range) -> ShapeRow | None:
        sums = self._facts.shapes(within, system, fingerprint)
        if len(sums) == 0:
            return None
        everything = self._facts.systems(within).get(system)
        observed = {system: 0 if everything is None else everything.observed_ms}
        [row] = self._rows(sums, [0], observed, within, None)
        whole = 0.0 if everything is None else everything.total_exec_time_ms
        return replace(row, load_share=row.total_exec_time_ms / whole if whole > 0 else 0.0)

    def _found(self, sums: ShapeSums, needle: str) -> Places:
        """Places of the shapes that fit the search."""
        if not needle:
            return np.arange(len(sums))
        texts = {system: self._texts.of(system) for system in set(sums.systems)}
        return np.array(
            [
                place
                for place, (system, fingerprint) in enumerate(zip(sums.systems, sums.fingerprints, strict=True))
                if fits(texts[system].get(fingerprint), fingerprint, needle)
            ],
            np.int64,
        )

    def _sorted(
        self, sums: ShapeSums, places: Places, sort: ShapeSort, descending: bool, p95_ms: dict[str, float]
    ) -> Places:
        """The places in order; equal ones by system and fingerprint as before, those without a number last."""
        if sort is ShapeSort.NAME:
            return self._by_name(sums, places, descending)
        calls = np.maximum(sums.calls, 1)
        match sort:
            case ShapeSort.LOAD:
                values = sums.total_exec_time_ms
            case ShapeSort.CALLS:
                values = sums.calls.astype(np.float64)
            case ShapeSort.MEAN:
                values = sums.total_exec_time_ms / calls
            case ShapeSort.ROWS:
                values = sums.rows / calls
            case ShapeSort.P95:
                values = np.array([p95_ms.get(fingerprint, np.nan) for fingerprint in sums.fingerprints], np.float64)
        chosen = values[places]
        keys = np.where(np.isnan(chosen), np.inf, -chosen if descending else chosen)
        return places[np.argsort(keys, kind="stable")]

    def _by_name(self, sums: ShapeSums, places: Places, descending: bool) -> Places:
        texts = {system: self._texts.of(system) for system in set(sums.systems)}

        def name(place: int) -> str:
            shape = texts[sums.systems[place]].get(sums.fingerprints[place])
            return "" if shape is None else shape.text.lower()

        return np.array(sorted(places.tolist(), key=name, reverse=descending), np.int64)

    def _rows(
        self,
        sums: ShapeSums,
        shown: list[int],
        observed: dict[str, int],
        within: Range,
        p95_ms: dict[str, float] | None,
    ) -> tuple[ShapeRow, ...]:
        fingerprints = [sums.fingerprints[place] for place in shown]
        if not shown:
            return ()
        if p95_ms is None:
            p95_ms = self._facts.p95_ms(within, list(dict.fromkeys(fingerprints)))
        cases = newest_cases(self._state.database, fingerprints)
        texts = {system: self._texts.of(system) for system in {sums.systems[place] for place in shown}}
        whole = dict.fromkeys(texts, 0.0)
        for system, total in zip(sums.systems, sums.total_exec_time_ms.tolist(), strict=True):
            if system in whole:
                whole[system] += total
        rows = []
        for place, fingerprint in zip(shown, fingerprints, strict=True):
            system = sums.systems[place]
            rows.append(
                _row(
                    sums,
                    place,
                    texts[system].get(fingerprint),
                    observed.get(system, 0) / 1000,
                    whole[system],
                    p95_ms.get(fingerprint),
                    cases.get((system, fingerprint), (None, None)),
                )
            )
        return tuple(rows)


def _row(
    sums: ShapeSums,
    place: int,
    shape: QueryShape | None,
    observed_s: float,
    whole_ms: float,
    p95_ms: float | None,
    case: tuple[int, str] | tuple[None, None],
) -> ShapeRow:
    calls, total_ms = int(sums.calls[place]), float(sums.total_exec_time_ms[place])
    hit, read = int(sums.shared_blks_hit[place]), int(sums.shared_blks_read[place])
    return ShapeRow(
        system=sums.systems[place],
        fingerprint=sums.fingerprints[place],
        text=None if shape is None else shortened(shape.text),
        statement=None if shape is None else shape.statement.value,
        tables=() if shape is None else shape.tables,
        calls=calls,
        calls_per_s=calls / observed_s if observed_s > 0 else 0.0,
        mean_exec_time_ms=total_ms / calls if calls > 0 else 0.0,
        total_exec_time_ms=total_ms,
        load_ms_per_s=total_ms / observed_s if observed_s > 0 else 0.0,
        load_share=total_ms / whole_ms if whole_ms > 0 else 0.0,
        rows_per_call=int(sums.rows[place]) / calls if calls > 0 else 0.0,
        hit_ratio=hit / (hit + read) if hit + read > 0 else None,
        p95_ms=p95_ms,
        case_id=case[0],
        case_state=case[1],
    )
