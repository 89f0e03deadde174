"""An index as a value: what it is made of, apart from its name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndexKey:
    """One key of an index: a column name, or an expression in SQL (then `is_expression`).

    `nulls_first` None means PostgreSQL's default: first when descending, last when ascending. `opclass` may be
    qualified (`public.gin_trgm_ops`).
    """

    sql: str
    is_expression: bool = False
    descending: bool = False
    opclass: str | None = None
    nulls_first: bool | None = None


@dataclass(frozen=True, slots=True)
class IndexDefinition:
    """A B-tree (or other) index on one table, without a name.

    `include` are plain column names; `predicate` is SQL for a partial index, None for a full one.
    """

    schema: str
    table: str
    keys: tuple[IndexKey, ...]
    include: tuple[str, ...] = ()
    predicate: str | None = None
    method: str = "btree"

    @property
    def relation(self) -> str:
        """The table as `schema.table`, unquoted: for people and for keys of dictionaries, not for SQL."""
        return f"{self.schema}.{self.table}"
