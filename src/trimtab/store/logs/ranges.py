"""What every question about logs has: its range and its condition, as SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trimtab.model.errors import EngineRefused, InputError
from trimtab.store.effort import Effort
from trimtab.store.engine import Gathered, Merge, Parameters
from trimtab.store.logs.answers import LEVELS, LogQuery
from trimtab.store.logs.columns import RESOURCES
from trimtab.store.logs.conditions import Conditions, Resource
from trimtab.store.logs.language import Field, LogQueryError, Words, parse
from trimtab.store.logs.phrases import split
from trimtab.store.retention import DAY_MS

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

RANGE = "at_ns >= {from_ns:Int64} AND at_ns < {to_ns:Int64}"
FIRST_MS = 3_600_000
_RESOURCES_MAX = 50_000
_TIME_OVER, _MEMORY_OVER = 159, 241
_RANGE_NS_MAX = (1 << 63) - 1
_DAY_NS = DAY_MS * 1_000_000
_RESOURCES = Merge(limit=_RESOURCES_MAX, group_by=("id",), how={"text": "any"})


class LogQueryTooLong(InputError):
    """The engine's time or memory was not enough for it."""


@dataclass
class Asked:
    """A query made ready: `where` is its condition, with `parameters`. `missing` are shards that did not say which
    resources they have. `loose` lets more through: it asks for the words of phrases, wherever they stand; None where
    there are no phrases that patterns know of. `compares`, `checks`: see `Conditions`."""

    where: str
    parameters: dict[str, object]
    missing: tuple[str, ...]
    loose: str | None = None
    compares: bool = False
    checks: bool = False

    def within(self, from_ms: int, to_ms: int) -> Asked:
        """The same of another range."""
        return replace(self, parameters=self.parameters | {"from_ns": from_ms * 1_000_000, "to_ns": to_ms * 1_000_000})

    def pieces(self, query: LogQuery, effort: Effort) -> Iterator[tuple[int, int]]:
        """The range, newest first in pieces where lines have to be read; the first is an hour long: where the engine
        reads in the order of time, it stops in it when it has enough."""
        if self.compares or self.checks:
            return effort.pieces(query.from_ms, query.to_ms, first_ms=FIRST_MS)
        return iter([(query.from_ms, query.to_ms)])


class Asking:
    """Asks one store."""

    def __init__(self, store: TelemetryStore) -> None:
        self._store = store

    @property
    def marks(self) -> Mapping[str, int]:
        """How far sums by the minute tell everything; see `store.rollup`."""
        return self._store.marks()

    def gather(self, sql: str, parameters: Parameters, merge: Merge) -> Gathered:
        """Ask all shards; LogQueryTooLong where they took too long."""
        try:
            return self._store.gather(sql, parameters, merge)
        except EngineRefused as error:
            if error.facts.get("code") in {_TIME_OVER, _MEMORY_OVER}:
                told = "took too long" if error.facts["code"] == _TIME_OVER else "needed too much memory"
                raise LogQueryTooLong(
                    f"the search {told}: choose a shorter range, or begin with a whole word or a field; regular "
                    "expressions and parts of words are compared with every line that is left"
                ) from error
            raise

    def resources(self, from_ns: int, to_ns: int) -> tuple[Sequence[Resource], tuple[str, ...]]:
        """All that records of the range have. They are known by the day; where a shard that may know them does not
        answer, the records of the others are read."""
        inside = {"from_ns": from_ns, "to_ns": to_ns}
        days = {"first_day": from_ns // _DAY_NS * DAY_MS, "last_day": (to_ns - 1) // _DAY_NS * DAY_MS}
        found = self.gather(
            f"SELECT cityHash64(resource) AS id, resource AS text FROM {RESOURCES} WHERE day_ms >= {{first_day:Int64}}"
            f" AND day_ms <= {{last_day:Int64}} GROUP BY resource LIMIT {_RESOURCES_MAX}",
            {**inside, **days},
            _RESOURCES,
        )
        if found.missing:
            found = self.gather(
                "SELECT cityHash64(whose) AS id, whose AS text FROM (SELECT toString(resource) AS whose"
                f" FROM log_records WHERE {RANGE} GROUP BY resource LIMIT {_RESOURCES_MAX})",
                inside,
                _RESOURCES,
            )
        return [Resource(row["id"], row["text"]) for row in found.table.to_pylist()], found.missing

    def ready(self, query: LogQuery) -> Asked:
        """Its condition; InputError where something in it is wrong."""
        from_ns, to_ns = query.from_ms * 1_000_000, query.to_ms * 1_000_000
        if not 0 <= from_ns < to_ns <= _RANGE_NS_MAX:
            raise InputError(f"the range from {query.from_ms} to {query.to_ms} is empty or no time", field="range")
        missing: list[str] = []

        def find_resources() -> Sequence[Resource]:
            resources, absent = self.resources(from_ns, to_ns)
            missing.extend(absent)
            return resources

        made = Conditions(find_resources)
        rest, phrases = split(parse(query.text))
        conditions = [RANGE, made.of(rest)]
        if query.service is not None:
            conditions.append(made.field(Field("service", "=", Words(query.service))))
        if query.severity_min is not None:
            if query.severity_min not in LEVELS:
                raise InputError(
                    f"there is no level {query.severity_min!r}; there are {', '.join(LEVELS)}", field="severity_min"
                )
            conditions.append(made.field(Field("level", ">=", Words(query.severity_min))))
        for name, id_ in (("trace_id", query.trace_id), ("span_id", query.span_id)):
            if id_ is not None:
                conditions.append(made.field(Field(name, "=", Words(id_))))
        for name, value in query.attributes.items():
            try:
                conditions.append(made.field(Field(name, "=", Words(value))))
            except LogQueryError as error:
                raise InputError(error.message, field=name) from error
        where = _all([*conditions, *map(made.line, phrases)])
        loose = _all([*conditions, *map(made.words, phrases)]) if phrases else None
        parameters = {"from_ns": from_ns, "to_ns": to_ns, **made.parameters}
        return Asked(where, parameters, tuple(dict.fromkeys(missing)), loose, made.compares, made.checks)


def _all(conditions: Sequence[str]) -> str:
    return " AND ".join(f"({one})" for one in conditions if one != "true")
