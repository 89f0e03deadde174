"""What a server's catalogue and settings add to a plan: a lint without them says less, never something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

DEFAULT_WORK_MEM_KIB = 4096


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A relation of the plan. None: not known.

    `rows` is the planner's count (-1: it was never looked at), `rows_alive` the statistics collector's.
    `has_statistics`: ANALYZE has looked at its columns. `all_visible_ratio` (0..1) is the share of its pages of which
    index-only scans need not ask the table. `indexes` are the keys of its B-trees, without partial ones.
    """

    schema: str
    name: str
    rows: float
    rows_alive: float | None = None
    changed_since_analyze: float | None = None
    has_statistics: bool | None = None
    all_visible_ratio: float | None = None
    column_types: Mapping[str, str] = field(default_factory=dict)
    indexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def index_on(self, keys: Sequence[str]) -> str | None:
        """An index that begins with these columns, in whatever order."""
        wanted = set(keys)
        return next((name for name, has in self.indexes.items() if set(has[: len(wanted)]) == wanted), None)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """By the name of the relation; `settings` as `current_setting` gives them."""

    tables: Mapping[str, TableFacts] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)

    def table(self, schema: str | None, name: str) -> TableFacts | None:
        """The facts of a relation, if they are known."""
        found = self.tables.get(name)
        return found if found is None or schema in (None, found.schema) else None
