"""What a telemetry engine is: statements go in, Arrow tables come out. `engine_embedded` has the one in this process.

Statements are ClickHouse's SQL and the program's own text; values go in as `{name:Type}` parameters. Two things are
written in a way of ours, because engines differ in them:

* `BODY(name)` is a table that is made of bytes: the entry `name` of `bodies`.
* `SHARD(expression)` is a condition for INSERT … SELECT into a table whose rows are spread over shards: true where this
  shard takes the row. The expression is the key by which they are spread.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from trimtab.model.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

NOT_ENOUGH_SPACE = 243

Parameters = Mapping[str, object]
Direction = Literal["ascending", "descending"]
How = Literal["sum", "min", "max", "any", "lines"]
"""`any` is one of them, `lines` are texts, one below the other."""

_BODY = re.compile(r"\bBODY\((\w+)\)")


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes that a statement reads as a table: their format, and the columns as the engine writes them."""

    parts: Sequence[bytes | memoryview]
    format: str
    structure: str


@dataclass(frozen=True, slots=True)
class Merge:
    """How the answers of shards become one. As it is, they stand one behind the other."""

    order_by: tuple[tuple[str, Direction], ...] = ()
    limit: int | None = None
    group_by: tuple[str, ...] | None = None
    """Rows with the same of these become one row; of none `()`: all rows do."""
    how: Mapping[str, How] = field(default_factory=dict)
    """For the other columns; what is not named is summed."""


class Gathered(NamedTuple):
    """What shards answered. `missing` names those that did not, with the reason: the table is partial then."""

    table: pa.Table
    missing: tuple[str, ...] = ()


class Engine(Protocol):
    """Every method may be called from any thread; every one may raise StoreError, and EngineRefused where the engine
    itself said no: `facts["code"]` is its code."""

    @property
    def place(self) -> str:
        """Where it is, for people. It has no secrets."""
        ...

    @property
    def directory(self) -> Path | None:
        """Where its files are, if they are on this machine."""
        ...

    @property
    def version(self) -> str:
        """Of the engine."""
        ...

    @property
    def shards(self) -> tuple[str, ...]:
        """Names of the places over which rows of big tables are spread; one, where they are not."""
        ...

    @property
    def absent(self) -> tuple[str, ...]:
        """Shards that did not answer when they were asked last, each with the reason."""
        ...

    def read(self, sql: str, parameters: Parameters | None = None, *, is_wide: bool = False) -> pa.Table:
        """Run one SELECT, read only and limited, on tables that are not spread over shards.

        `is_wide` is for answers that are columns of numbers: they may have more rows, and fewer run at a time.
        """
        ...

    def gather(
        self, sql: str, parameters: Parameters | None = None, merge: Merge | None = None, *, is_wide: bool = False
    ) -> Gathered:
        """The same for tables that are: each shard runs the SELECT, with its GROUP BY, ORDER BY and LIMIT, and `merge`
        says how their answers become one. Raises only where no shard answers, or one says that the SELECT is wrong."""
        ...

    def write(
        self, sql: str, parameters: Parameters | None = None, bodies: Mapping[str, Body] | None = None
    ) -> pa.Table:
        """Run one statement that may change something; its rows, if it has any. On the shard that `at` says."""
        ...

    def at(self, shard: str) -> AbstractContextManager[None]:
        """What this thread writes meanwhile goes to that shard; without it, to the first."""
        ...

    def proto_settings(self, resource: str, message: str) -> str:
        """A SETTINGS clause for bodies in a Protobuf format: `resource` is a file of `trimtab.store`, `message` in it
        is one row. It stands at the end of the statement, or is followed by more settings after a comma."""
        ...

    def close(self) -> None:
        """Wait for what runs and close; may be called twice."""
        ...


def names_of_bodies(sql: str) -> list[str]:
    """The bodies that a statement reads, each once.

    >>> names_of_bodies("SELECT * FROM BODY(rows) JOIN BODY(known) USING (id) WHERE id IN (SELECT id FROM BODY(rows))")
    ['rows', 'known']
    """
    return list(dict.fromkeys(_BODY.findall(sql)))


def with_bodies(sql: str, tables: Mapping[str, str]) -> str:
    """The statement with a table in place of each `BODY(name)`; InputError where one is missing.

    >>> with_bodies("SELECT * FROM BODY(rows)", {"rows": "file('x')"})
    "SELECT * FROM file('x')"
    """

    def table(found: re.Match[str]) -> str:
        if found[1] not in tables:
            raise InputError(f"the statement reads BODY({found[1]}), which was not given", body=found[1])
        return tables[found[1]]

    return _BODY.sub(table, sql)


def with_shard(sql: str, index: int, count: int) -> str:
    """The statement with the condition of one of `count` shards in place of `SHARD(expression)`.

    >>> with_shard("SELECT id FROM BODY(rows) WHERE SHARD(f(id))", 0, 1)
    'SELECT id FROM BODY(rows) WHERE true'
    >>> with_shard("SELECT id FROM BODY(rows) WHERE SHARD(f(id)) AND id > 0", 1, 3)
    'SELECT id FROM BODY(rows) WHERE cityHash64(f(id)) % 3 = 1 AND id > 0'
    """
    pieces = sql.split("SHARD(")
    made = [pieces[0]]
    for piece in pieces[1:]:
        end = _closing(piece)
        made.append("true" if count == 1 else f"cityHash64({piece[:end]}) % {count} = {index}")
        made.append(piece[end + 1 :])
    return "".join(made)


def quoted(text: str) -> str:
    """A text as a literal of SQL.

    >>> print(quoted("it's"))
    'it\\'s'
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _closing(text: str) -> int:
    """The place of the bracket that closes what was opened before the text."""
    depth = 1
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return place
    raise InputError("SHARD( is not closed", observed=text[:80])
