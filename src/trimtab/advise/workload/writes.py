"""How many rows the workload itself writes, table by table: the price of an index in the unit of its gain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from trimtab.advise.index.existing import columns_of, indexed_columns
from trimtab.advise.workload.costs import Costs
from trimtab.advise.workload.shapes import Workload
from trimtab.model.index import IndexDefinition
from trimtab.sql.catalog import Table


@dataclass(slots=True)
class WriteRows:
    """Rows inserted, and rows updated by the columns that were set; in all calls of the workload together."""

    inserted: float = 0.0
    updated: dict[frozenset[str], float] = field(default_factory=dict)

    def entries_for(self, definition: IndexDefinition) -> float:
        """Entries that an index gets: one for each row inserted, and for each that is updated in one of its columns."""
        columns = columns_of(definition)
        return self.inserted + sum(rows for changed, rows in self.updated.items() if changed & columns)

    def entries_of_others(self, definition: IndexDefinition, table: Table) -> float:
        """Entries that every index of the table gets since updates are not HOT any more: those that set a column of
        this index and of none that is there, as far as the table's updates are HOT today."""
        columns, there = columns_of(definition), indexed_columns(table)
        lost = sum(rows for changed, rows in self.updated.items() if changed & columns and not changed & there)
        return lost * hot_share(table) * (len(table.indexes) + 1)


def hot_share(table: Table) -> float:
    """The share of updates, 0..1, that are HOT by the server's counters; 0 where it saw none."""
    writes = table.writes
    return min(1.0, writes.hot_updates_per_s / writes.updates_per_s) if writes.updates_per_s > 0 else 0.0


def rows_written(workload: Workload, costs: Costs, texts: Sequence[tuple[int, str]]) -> dict[str, WriteRows]:
    """By relation; rows of UPDATE and INSERT … SELECT are the planner's estimate, those of VALUES are counted."""
    found: dict[str, WriteRows] = {}
    for insert in workload.inserts:
        found.setdefault(insert.relation, WriteRows()).inserted += insert.rows * insert.calls
    for number, (place, _) in enumerate(texts):
        shape = workload.shapes[place]
        if shape.write is None:
            continue
        rows = costs.rows(number) * shape.calls / len(shape.texts)
        of = found.setdefault(shape.write.relation, WriteRows())
        if shape.write.columns is not None:
            of.updated[shape.write.columns] = of.updated.get(shape.write.columns, 0.0) + rows
        elif shape.write.is_insert:
            of.inserted += rows
    return found
