"""What the server knows about the relations of a statement: the nouns. `catalog_reader` fills them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """One row of `pg_stats`.

    `distinct_count_raw` is PostgreSQL's `n_distinct`: negative means a share of the rows. `most_common` are
    (value as text, share of rows). `histogram` are the bounds of equally filled buckets of the remaining values,
    ascending, as text. Values are the table's own data: they stay in memory.
    """

    null_share: float
    average_width_bytes: int
    distinct_count_raw: float
    most_common: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    histogram: tuple[str, ...] = field(default=(), repr=False)
    correlation: float | None = None

    def distinct_count(self, rows: float) -> float:
        """How many different values there are among `rows` rows, at least 1.

        >>> ColumnStatistics(0.0, 4, -0.5).distinct_count(1000)
        500.0
        """
        raw = self.distinct_count_raw
        return max(1.0, raw if raw >= 0 else -raw * rows)

    def equality_share(self, rows: float) -> float:
        """The average share of rows that equal one value drawn as the rows are (heavy values count more).

        >>> ColumnStatistics(0.0, 4, 10.0).equality_share(1000)
        0.1
        """
        common = sum(share for _, share in self.most_common)
        rest = max(0.0, 1.0 - self.null_share - common)
        rest_values = max(1.0, self.distinct_count(rows) - len(self.most_common))
        return min(1.0, sum(share * share for _, share in self.most_common) + rest * rest / rest_values)

    def share_of(self, value: str) -> float | None:
        """The share of rows with this very value, if it is among the most common ones."""
        return next((share for text, share in self.most_common if text == value), None)


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `type_name` is the base type as PostgreSQL writes it. `c_collation`: sorts by bytes.

    `virtual`: generated and not stored, so that it has no statistics and cannot be indexed.
    """

    name: str
    type_name: str
    category: str
    not_null: bool
    generated: bool
    c_collation: bool
    deterministic: bool
    statistics: ColumnStatistics | None = None
    virtual: bool = False

    @property
    def is_text(self) -> bool:
        """Whether LIKE applies to it."""
        return self.category == "S"


@dataclass(frozen=True, slots=True)
class ExistingIndex:
    """An index that is there. `is_valid` False: maintained by writes perhaps, but used by no query."""

    name: str
    statement: str
    is_valid: bool
    is_unique: bool
    is_constraint: bool
    size_bytes: int


@dataclass(frozen=True, slots=True)
class TableWrites:
    """How a table is written, rows per second. `updates_per_s` includes `hot_updates_per_s`.

    `updated_columns` maps a column to the share (0..1) of update calls that set it; None: nobody knows.
    `source` says where the numbers come from.
    """

    inserts_per_s: float = 0.0
    updates_per_s: float = 0.0
    hot_updates_per_s: float = 0.0
    deletes_per_s: float = 0.0
    updated_columns: Mapping[str, float] | None = None
    source: str = "no writes seen"


@dataclass(frozen=True, slots=True)
class Table:
    """A relation of the statement.

    `kind` is `pg_class.relkind`: r table, p partitioned table, m materialised view, v view, f foreign table.
    `rows` is the planner's own estimate, None when the table was never analysed. `visible_share` is the share of
    pages that an index-only scan need not visit. For a partitioned table sizes and rows are sums over its leaves.
    """

    oid: int
    schema: str
    name: str
    kind: str
    rows: float | None
    pages: int
    size_bytes: int
    visible_share: float
    readable: bool
    columns: Mapping[str, Column]
    indexes: tuple[ExistingIndex, ...] = ()
    writes: TableWrites = TableWrites()
    view_sql: str | None = field(default=None, repr=False)
    leaves_count: int = 0
    is_temporary: bool = False

    @property
    def relation(self) -> str:
        """`schema.table`, unquoted."""
        return f"{self.schema}.{self.name}"

    @property
    def rows_estimate(self) -> float:
        """Rows, guessed from the size (100 bytes a row) where the table was never analysed."""
        return self.rows if self.rows is not None else self.size_bytes / 100


@dataclass(frozen=True, slots=True)
class Catalog:
    """The relations that a statement names (and those behind its views), functions, and the server's facts.

    `names` maps a name as written in the statement, (schema or None, table), to a key of `tables`, an oid.
    `volatility` maps a function's name to the volatilities (i, s, v; a for aggregates) of everything called so.
    `missing` are names that lead nowhere; `extra_schemas` are schemas outside the `search_path` that were needed.
    """

    server_version: int
    role: str
    hypopg_schema: str | None
    names: Mapping[tuple[str | None, str], int]
    tables: Mapping[int, Table]
    volatility: Mapping[str, frozenset[str]]
    missing: tuple[str, ...] = ()
    extra_schemas: tuple[str, ...] = ()

    def find(self, schema: str | None, name: str) -> Table | None:
        """The relation that the statement means, or None."""
        oid = self.names.get((schema, name))
        return None if oid is None else self.tables.get(oid)

    def may_be_immutable(self, function: str) -> bool:
        """Whether some function of this name is immutable; the server has the last word."""
        return "i" in self.volatility.get(function, frozenset("i"))
