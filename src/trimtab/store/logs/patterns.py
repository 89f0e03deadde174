"""Similar lines, grouped. The engine counts lines by the hash of their normal form, which stands beside each; Drain
groups the forms. So Python sees a form, not a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trimtab.store.effort import Effort
from trimtab.store.engine import Merge
from trimtab.store.logs import minutes
from trimtab.store.logs.answers import LEVELS, LogPattern, LogPatterns, LogQuery
from trimtab.store.logs.drain import VARIABLE, clusters_of, normal_form
from trimtab.store.logs.ranges import Asked, Asking
from trimtab.store.logs.records import COLUMNS, pattern_id, record_of
from trimtab.store.rollup import OTHER_PATTERNS

FORMS_MAX = 1000
"""Forms that are grouped, the most frequent ones; the rest is counted in the total alone."""
IDS_IN_A_QUERY_MAX = 40
SPARK_POINTS = 30
_LEVELS = ", ".join(f"sumIf(n_, level = {number}) AS {name}_count" for number, name in enumerate(LEVELS))
_SERVICES_MAX = 5


@dataclass(frozen=True, slots=True)
class _Form:
    """Lines with one normal form."""

    pattern: int
    count: int
    first_ns: int
    last_ns: int
    by_level: Mapping[str, int]
    services: Sequence[str]

    def with_older(self, older: _Form) -> _Form:
        """With those of a piece of time before."""
        return _Form(
            self.pattern,
            self.count + older.count,
            min(self.first_ns, older.first_ns),
            max(self.last_ns, older.last_ns),
            Counter(self.by_level) + Counter(older.by_level),
            list(dict.fromkeys((*self.services, *older.services))),
        )


def patterns(asking: Asking, query: LogQuery, patterns_max: int, effort: Effort) -> LogPatterns:
    """See `LogReads.patterns`."""
    asked = asking.ready(query)
    by_pattern: dict[int, _Form] = {}
    total_count, missing, looked_from_ms = 0, asked.missing, query.to_ms
    for low_ms, high_ms in asked.pieces(query, effort):
        piece = replace(query, from_ms=low_ms, to_ms=high_ms)
        found, count, absent = _forms(asking, asked.within(low_ms, high_ms), piece)
        for form in found:
            before = by_pattern.get(form.pattern)
            by_pattern[form.pattern] = form if before is None else before.with_older(form)
        total_count, missing, looked_from_ms = total_count + count, (*missing, *absent), low_ms
    forms = sorted(by_pattern.values(), key=lambda form: (-form.count, form.pattern))[:FORMS_MAX]
    asked = asked.within(looked_from_ms, query.to_ms)
    lines = _examples(asking, asked, forms, "pattern, substring(body, 1, 2048) AS line")
    texts = [normal_form(lines[form.pattern]["line"]) if form.pattern in lines else "" for form in forms]
    groups = [(one.template, [forms[place] for place in one.members]) for one in clusters_of(texts)]
    groups.sort(key=lambda group: -sum(form.count for form in group[1]))
    chosen = groups[:patterns_max]
    records = _examples(asking, asked, [members[0] for _, members in chosen], COLUMNS)
    sparks, absent = _sparks(asking, asked, query, [members for _, members in chosen])
    made = [
        _pattern(template, members, records.get(members[0].pattern), spark)
        for (template, members), spark in zip(chosen, sparks, strict=True)
    ]
    return LogPatterns(
        tuple(made),
        sum(form.count for form in forms),
        total_count,
        tuple(dict.fromkeys((*missing, *absent))),
        looked_from_ms if looked_from_ms > query.from_ms else None,
    )


def _forms(asking: Asking, asked: Asked, query: LogQuery) -> tuple[list[_Form], int, tuple[str, ...]]:
    """The most frequent forms, and how many records there are in all."""
    table, where, parameters = _source(asking, asked, query)
    found = asking.gather(
        f"SELECT pattern, sum(n_) AS n, min(first_ns) AS began_ns, max(last_ns) AS ended_ns, {_LEVELS},"
        f" arrayStringConcat(groupUniqArray({_SERVICES_MAX})(toString(service_name)), '\\n') AS services"
        f" FROM {table} WHERE {where} GROUP BY pattern ORDER BY n DESC, pattern LIMIT {FORMS_MAX}",
        parameters,
        Merge(
            (("n", "descending"), ("pattern", "ascending")),
            FORMS_MAX,
            ("pattern",),
            {"began_ns": "min", "ended_ns": "max", "services": "lines"},
        ),
    )
    total = asking.gather(f"SELECT sum(n_) AS n FROM {table}", parameters, Merge(group_by=()))
    forms = [_form(row) for row in found.table.to_pylist()]
    return forms, int(total.table["n"][0].as_py() or 0), (*found.missing, *total.missing)


def _source(asking: Asking, asked: Asked, query: LogQuery) -> tuple[str, str, Mapping[str, object]]:
    """A table of records that match, or of sums of them, a condition for those that have a pattern of their own, and
    the parameters of both."""
    summed = minutes.summed(query, asking.marks)
    if summed is not None:
        return summed.table, f"pattern <> {OTHER_PATTERNS}", summed.parameters
    records = (
        "(SELECT at_ns, pattern, level, service_name, 1 AS n_, at_ns AS first_ns, at_ns AS last_ns FROM log_records"
        f" WHERE {asked.where})"
    )
    return records, "true", asked.parameters


def _form(row: Mapping[str, Any]) -> _Form:
    levels = {name: row[f"{name}_count"] for name in LEVELS if row[f"{name}_count"]}
    services = row["services"].split("\n")
    return _Form(row["pattern"], row["n"], row["began_ns"], row["ended_ns"], levels, services)


def _examples(asking: Asking, asked: Asked, forms: Sequence[_Form], columns: str) -> dict[int, dict[str, Any]]:
    """Of each form a record that it was seen in last."""
    if not forms:
        return {}
    found = asking.gather(
        f"SELECT {columns} FROM log_records WHERE {asked.where} AND at_ns IN {{times:Array(Int64)}}"
        " AND pattern IN {patterns:Array(UInt64)} LIMIT 1 BY pattern",
        {
            **asked.parameters,
            "times": [form.last_ns for form in forms],
            "patterns": [form.pattern for form in forms],
        },
        Merge(),
    )
    return {row["pattern"]: row for row in found.table.to_pylist()}


def _sparks(
    asking: Asking, asked: Asked, query: LogQuery, groups: Sequence[Sequence[_Form]]
) -> tuple[list[tuple[int, ...]], tuple[str, ...]]:
    """How many lines each group has in each of equal parts of the range; lines of a minute may be told together."""
    counts = np.zeros((len(groups), SPARK_POINTS), np.int64)
    group_of = {form.pattern: place for place, members in enumerate(groups) for form in members}
    missing: tuple[str, ...] = ()
    if group_of:
        step_ns = -(-(query.to_ms - query.from_ms) * 1_000_000 // SPARK_POINTS)
        table, _, parameters = _source(asking, asked, query)
        found = asking.gather(
            "SELECT pattern, intDiv(first_ns - {spark_from_ns:Int64}, {step_ns:Int64}) AS part, sum(n_) AS n"
            f" FROM {table} WHERE pattern IN {{patterns:Array(UInt64)}} GROUP BY pattern, part",
            {
                **parameters,
                "spark_from_ns": query.from_ms * 1_000_000,
                "step_ns": step_ns,
                "patterns": list(group_of),
            },
            Merge(group_by=("pattern", "part")),
        )
        missing = found.missing
        for row in found.table.to_pylist():
            counts[group_of[row["pattern"]], row["part"]] += row["n"]
    return [tuple(row.tolist()) for row in counts], missing


def _pattern(
    template: str, members: Sequence[_Form], example: Mapping[str, Any] | None, spark: tuple[int, ...]
) -> LogPattern:
    levels: Counter[str] = Counter()
    services: dict[str, None] = {}
    for form in members:
        levels.update(form.by_level)
        services |= dict.fromkeys(form.services)
    return LogPattern(
        id=pattern_id(members[0].pattern),
        template=template,
        count=sum(form.count for form in members),
        first_ns=min(form.first_ns for form in members),
        last_ns=max(form.last_ns for form in members),
        by_level=dict(levels),
        services=tuple(list(services)[:_SERVICES_MAX]),
        example=None if example is None else record_of(example),
        query=_query(members, template),
        counts=spark,
    )


def _query(members: Sequence[_Form], template: str) -> str:
    """What finds the lines: the forms by their numbers, or, where these are too many, the words that stay."""
    if len(members) <= IDS_IN_A_QUERY_MAX:
        return "pattern:" + ",".join(f"{form.pattern:x}" for form in members)
    pieces = [piece.strip().replace("\\", "\\\\").replace('"', '\\"') for piece in template.split(VARIABLE)]
    return " ".join(f'"{piece}"' for piece in pieces if any(one.isalnum() for one in piece))
