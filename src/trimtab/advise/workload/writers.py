"""What calls that write become with a set of indexes: each index of their table gets an entry for what they write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trimtab.advise.index.existing import columns_of, indexed_columns
from trimtab.advise.index.knowledge import costs as figures_of
from trimtab.advise.index.write_cost import kind_of
from trimtab.advise.workload.advice import StatementOutlook
from trimtab.advise.workload.plan_time import call_ms
from trimtab.advise.workload.shapes import Insert
from trimtab.advise.workload.writes import hot_share
from trimtab.model.index import IndexDefinition
from trimtab.sql.catalog import Table

WRITES = "writes"
"""The class of outlooks that rest on the price of entries, see `costs.toml`."""

LEAST, MOST = 0.4, 2.0
"""What an entry was measured to take, in the figure that is reckoned with."""

CALL_LESS, CALL_MORE = 0.06, 0.1
"""Two measurements of the same short call differ by so much of what a call takes (splits of pages, where rows fall):
INSERTs with and without one more index, 0.96 to 1.2 where 1.04 was said."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What one call pays in ms: `own_ms` for the row and the entries of indexes that are there, `more_ms` for those of
    the set, `most_ms` at most (updates that were HOT and are not any more write into every index)."""

    own_ms: float
    more_ms: float
    most_ms: float


def paid(table: Table, columns: frozenset[str] | None, rows: float, indexes: Sequence[IndexDefinition]) -> Paid:
    """For a call that writes `rows` rows; `columns` are those that an UPDATE sets, None for rows that are new."""
    figures = figures_of()
    mine = [one for one in indexes if one.relation == table.relation]
    touched = mine if columns is None else [one for one in mine if columns & columns_of(one)]
    there = len(table.indexes)
    more_ms = rows * figures.entry_write_ms * sum(kind_of(one).ms for one in touched)
    lost_ms = rows * figures.hot_lost_ms_per_index * (there + len(mine)) if touched and columns is not None else 0.0
    most_ms = MOST * more_ms + lost_ms
    if columns is not None and not columns & indexed_columns(table):
        more_ms += lost_ms * hot_share(table)
    return Paid(rows * figures.entry_write_ms * (1 + there), more_ms, max(most_ms, more_ms))


def of_insert(insert: Insert, table: Table, indexes: Sequence[IndexDefinition]) -> StatementOutlook:
    """An INSERT of VALUES: it finds nothing, so an index can only cost it something."""
    price = paid(table, None, insert.rows, indexes)
    before_ms = insert.mean_ms if insert.mean_ms is not None else call_ms() + price.own_ms
    return _with_price(StatementOutlook(insert.name, 1.0, (1.0, 1.0), 0.0, 0.0, before_ms, before_ms, ()), price)


def of_finding(read: StatementOutlook, price: Paid, *, is_measured: bool) -> StatementOutlook:
    """An UPDATE, or an INSERT of what is found: `read` is the part that finds rows, or all of it if it was measured."""
    own_ms = 0.0 if is_measured else price.own_ms
    if not read.before_ms + own_ms:
        return read  # what met a fault has no time
    before_ms, after_ms = read.before_ms + own_ms, read.after_ms + own_ms
    low, high = ((end * read.before_ms + own_ms) / before_ms for end in read.interval_90)
    whole = replace(
        read, predicted_ratio=after_ms / before_ms, interval_90=(low, high), before_ms=before_ms, after_ms=after_ms
    )
    return _with_price(whole, price)


def _with_price(one: StatementOutlook, price: Paid) -> StatementOutlook:
    if not price.most_ms or not one.before_ms:
        return one
    before_ms, after_ms = one.before_ms, one.after_ms + price.more_ms
    low, high = one.interval_90
    of_call = min(1.0, call_ms() / before_ms)
    return replace(
        one,
        predicted_ratio=after_ms / before_ms,
        interval_90=(
            max(low + LEAST * price.more_ms / before_ms - CALL_LESS * of_call, 0.0),
            high + price.most_ms / before_ms + CALL_MORE * of_call,
        ),
        after_ms=after_ms,
        rests_on=(*one.rests_on, WRITES),
    )
