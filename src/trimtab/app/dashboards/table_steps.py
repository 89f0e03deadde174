"""What a table goes through before it is shown: Grafana's transformations, as far as metrics need them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from trimtab.app.dashboards.json_parts import Json, flag, number, part, parts, text, texts
from trimtab.app.dashboards.patterns import pattern_of
from trimtab.app.dashboards.reductions import reduced
from trimtab.model.dashboards import Transformation

Cell = str | float | None
COLUMNS_MAX = 60
ROWS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `kind` is time (Unix milliseconds), number or string. `ref` is the query that it is from."""

    name: str
    kind: str
    cells: tuple[Cell, ...]
    ref: str = ""
    shown_name: str = ""
    """What stands above it, where that is another name."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A table; all columns have as many cells."""

    columns: tuple[Column, ...]

    @property
    def count(self) -> int:
        """Rows."""
        return len(self.columns[0].cells) if self.columns else 0

    def column(self, name: str) -> Column | None:
        """The column of a name, or of the name that is shown."""
        return next((one for one in self.columns if name in (one.name, one.shown_name)), None)


Step = Callable[[list[Frame], Json], list[Frame]]


def through(frames: Sequence[Frame], steps: Sequence[Transformation]) -> list[Frame]:
    """The tables after all steps that are known; others change nothing (and the panel says so)."""
    found = list(frames)
    for step in steps:
        work = KNOWN_STEPS.get(step.id)
        if work is not None:
            found = work(found, step.options)
    return found


def _merge(frames: list[Frame], _options: Json) -> list[Frame]:
    """One table: rows that agree in all columns that both have are one row."""
    if len(frames) < 2:
        return frames
    names: dict[str, Column] = {}
    for frame in frames:
        for column in frame.columns:
            names.setdefault(column.name, column)
    shared = set.intersection(*({column.name for column in frame.columns} for frame in frames))
    shared = {name for name in shared if names[name].kind != "number"}
    rows: dict[tuple[Cell, ...], dict[str, Cell]] = {}
    for number_, frame in enumerate(frames):
        for at in range(frame.count):
            row = {column.name: column.cells[at] for column in frame.columns}
            key: tuple[Cell, ...] = tuple(row[name] for name in sorted(shared))
            if not shared:
                key = (float(number_), float(at))
            held = rows.setdefault(key, {})
            if any(held.get(name) not in (None, value) for name, value in row.items()):
                held = rows.setdefault((*key, float(number_), float(at)), {})
            held.update(row)
    return [_frame_of(names, list(rows.values()))]


def _frame_of(names: Mapping[str, Column], rows: Sequence[Mapping[str, Cell]]) -> Frame:
    return Frame(
        tuple(
            replace(column, cells=tuple(row.get(name) for row in rows))
            for name, column in list(names.items())[:COLUMNS_MAX]
        )
    )


def _join(frames: list[Frame], options: Json) -> list[Frame]:
    """One table: rows of one value in one field, side by side."""
    name = text(options, "byField") or "Time"
    mode = text(options, "mode", "outer")
    having = [frame for frame in frames if frame.column(name) is not None]
    if len(having) < 2:
        return having or frames
    names: dict[str, Column] = {}
    rows: dict[Cell, dict[str, Cell]] = {}
    seen: dict[Cell, int] = {}
    for number_, frame in enumerate(having):
        key = frame.column(name)
        assert key is not None  # noqa: S101  (chosen by it)
        held_names = {}
        for column in frame.columns:
            own = column.name if column is key or column.name not in names else f"{column.name} {number_ + 1}"
            names.setdefault(own, replace(column, name=own))
            held_names[column.name] = own
        for at in range(frame.count):
            row = rows.setdefault(key.cells[at], {})
            seen[key.cells[at]] = seen.get(key.cells[at], 0) + 1
            row.update({held_names[column.name]: column.cells[at] for column in frame.columns})
    chosen = [row for value, row in rows.items() if mode != "inner" or seen[value] >= len(having)]
    return [_frame_of(names, chosen)]


def _organize(frames: list[Frame], options: Json) -> list[Frame]:
    """Columns left out, in another order, under other names."""
    left_out, order, names = (part(options, key) for key in ("excludeByName", "indexByName", "renameByName"))
    found = []
    for frame in frames:
        kept = [column for column in frame.columns if not flag(left_out, column.name)]
        kept.sort(key=lambda column: number(order, column.name) if number(order, column.name) is not None else 1e9)  # type: ignore[arg-type,return-value]
        found.append(
            Frame(tuple(replace(column, shown_name=text(names, column.name) or column.shown_name) for column in kept))
        )
    return found


def _filter_fields(frames: list[Frame], options: Json) -> list[Frame]:
    included, excluded = part(options, "include"), part(options, "exclude")
    return [
        Frame(
            tuple(
                column
                for column in frame.columns
                if (not included or _named(included, column)) and not (excluded and _named(excluded, column))
            )
        )
        for frame in frames
    ]


def _named(wish: Json, column: Column) -> bool:
    if column.name in texts(wish, "names") or (column.shown_name and column.shown_name in texts(wish, "names")):
        return True
    pattern = text(wish, "pattern")
    return bool(pattern) and pattern_of(pattern).search(column.shown_name or column.name) is not None


def _rename(frames: list[Frame], options: Json) -> list[Frame]:
    pattern, into = pattern_of(text(options, "regex")), text(options, "renamePattern")
    template = "".join(f"\\{sign}" if after_dollar else sign for sign, after_dollar in _dollars(into))

    def named(column: Column) -> Column:
        shown = column.shown_name or column.name
        return replace(column, shown_name=pattern.sub(template, shown, 1)) if pattern.search(shown) else column

    return [Frame(tuple(map(named, frame.columns))) for frame in frames]


def _dollars(written: str) -> list[tuple[str, bool]]:
    """Signs; those behind a dollar that are digits are groups."""
    found, at = list[tuple[str, bool]](), 0
    while at < len(written):
        if written[at] == "$" and written[at + 1 : at + 2].isdigit():
            found.append((written[at + 1], True))
            at += 2
        else:
            found.append(("\\\\" if written[at] == "\\" else written[at], False))
            at += 1
    return found


def _sort(frames: list[Frame], options: Json) -> list[Frame]:
    wish = next(iter(parts(options, "sort")), {})
    name, descending = text(wish, "field"), flag(wish, "desc")
    found = []
    for frame in frames:
        column = frame.column(name)
        if column is None:
            found.append(frame)
            continue
        cells = column.cells
        full = sorted(
            (at for at in range(frame.count) if cells[at] is not None),
            key=lambda at: (isinstance(cells[at], str), cells[at]),
            reverse=descending,
        )
        order = full + [at for at in range(frame.count) if cells[at] is None]
        found.append(_rows(frame, order))
    return found


def _limit(frames: list[Frame], options: Json) -> list[Frame]:
    count = int(max(number(options, "limitField") or 10, 0))
    return [_rows(frame, range(min(count, frame.count))) for frame in frames]


def _rows(frame: Frame, order: Sequence[int]) -> Frame:
    return Frame(tuple(replace(one, cells=tuple(one.cells[at] for at in order)) for one in frame.columns))


def _reduce(frames: list[Frame], options: Json) -> list[Frame]:
    """A row for each field, a column for each number that it becomes."""
    calculations = texts(options, "reducers") or ("lastNotNull",)
    fields = [column for frame in frames for column in frame.columns if column.kind == "number"]
    names = Column("Field", "string", tuple(column.shown_name or column.name for column in fields))
    columns = [names]
    for calculation in calculations[:COLUMNS_MAX]:
        cells = tuple(reduced([_float(cell) for cell in column.cells], calculation) for column in fields)
        columns.append(Column(_TITLES.get(calculation, calculation), "number", cells))
    return [Frame(tuple(columns))]


def _float(cell: Cell) -> float | None:
    return cell if isinstance(cell, float) else None


_TITLES = {
    "lastNotNull": "Last *",
    "last": "Last",
    "mean": "Mean",
    "max": "Max",
    "min": "Min",
    "sum": "Total",
    "count": "Count",
}

KNOWN_STEPS: Mapping[str, Step] = {
    "merge": _merge,
    "joinByField": _join,
    "seriesToColumns": _join,
    "organize": _organize,
    "filterFieldsByName": _filter_fields,
    "renameByRegex": _rename,
    "sortBy": _sort,
    "limit": _limit,
    "reduce": _reduce,
    "labelsToFields": lambda frames, _options: frames,
}
"""By Grafana's names. `labelsToFields`: labels are columns here already."""
