"""Parts of tables that a full disk has cut short are found by their sizes, and taken back to what they were made of.

The engine does not notice when a write fails because the disk is full: it finishes the insert, the deletion or the
merge, and puts a part into use whose files are short or empty. What the part was made of is out of use from then on,
and is removed eight minutes later. So we look ourselves, within that time: `system.parts` says what the engine believes
to have written, and the files say what is there. A table with a torn part is detached, the torn part is put aside, and
the table is attached again: the engine then finds the parts from which the torn one was made, and goes on with these.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from trimtab.store import packed_part
from trimtab.store.torn import remove_torn_notes

if TYPE_CHECKING:
    import pyarrow as pa

TORN_CODES = frozenset({27, 32, 33, 40, 79, 107, 226, 228, 246, 271, 341})
"""The engine's codes where a part cannot be read: parse, end of file, not all data, checksum, size, no such file,
none in the part, corrupted, cannot be unpacked, deletion unfinished."""
_NOT_COUNTED = frozenset(
    {
        "checksums.txt",
        "columns.txt",
        "columns_substreams.txt",
        "default_compression_codec.txt",
        "metadata_version.txt",
        "txn_version.txt",
        "uuid.txt",
    }
)
"""Files of a part that `bytes_on_disk` leaves out."""
_PARTS = (
    "SELECT table, name, path, bytes_on_disk, rows, active, partition_id, min_block_number, max_block_number"
    " FROM system.parts WHERE database = currentDatabase() AND {condition} ORDER BY table, name"
)
_PASSES_MAX = 5
_DIRECTORY = "SELECT data_paths[1] AS path FROM system.tables WHERE database = currentDatabase() AND name = '{table}'"
_TEMPORARY = ("tmp", "delete_tmp")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Part:
    """One part, as the engine sees it."""

    table: str
    name: str
    path: Path
    bytes_on_disk: int
    rows: int
    is_active: bool
    partition_id: str
    first_block: int
    last_block: int

    def is_torn(self) -> bool:
        """Whether the files have another size than the engine believes; a part that is just being removed is not."""
        try:
            with os.scandir(self.path) as files:
                sizes = {file.name: file.stat().st_size for file in files if file.is_file()}
            if packed_part.FILE in sizes:
                within = packed_part.sizes_in(self.path / packed_part.FILE)
                if within is None:
                    return self.path.exists()
                del sizes[packed_part.FILE]
                sizes.update(within)
            if not self.path.exists():
                return False
        except FileNotFoundError:
            return False
        counted = sum(size for name, size in sizes.items() if name not in _NOT_COUNTED)
        return counted != self.bytes_on_disk or not sizes.get("checksums.txt") or not sizes.get("columns.txt")

    def has(self, other: Part) -> bool:
        """Whether the other's rows went into this one."""
        return (
            self.partition_id == other.partition_id
            and self.first_block <= other.first_block
            and other.last_block <= self.last_block
        )


class Mender:
    """`look` is called with the engine's lock for writing held."""

    def __init__(self, ask: Callable[[str], pa.Table], detached: Callable[[str], AbstractContextManager[None]]) -> None:
        """`ask` runs a statement; within `detached(table)` nobody reads or writes the table and the engine has let go
        of its files."""
        self._ask, self._detached = ask, detached
        self._whole: set[tuple[str, str]] = set()
        self._directories: dict[str, Path] = {}
        self._seen: dict[str, set[str]] = {}
        self.mended_count = 0
        """Torn parts that were found and put aside."""

    def is_suspicious(self, table: str) -> bool:
        """Whether parts came to a table without what is written into them last; a look costs the engine 4 ms, this
        a twentieth of it."""
        if table not in self._directories:
            self._directories[table] = Path(self._ask(_DIRECTORY.format(table=table))["path"][0].as_py())
        try:
            with os.scandir(self._directories[table]) as entries:
                names = {entry.name for entry in entries}
        except FileNotFoundError:  # another table has the name by now
            del self._directories[table]
            return True
        fresh = [name for name in names - self._seen.get(table, set()) if not name.startswith(_TEMPORARY)]
        self._seen[table] = names
        return any(_is_cut(self._directories[table] / name) for name in fresh)

    def look(self, table: str | None = None) -> int:
        """Mend all tables, or the one that was just written to: who wrote it is told and does it again. How many parts
        were torn."""
        count = 0
        for _ in range(_PASSES_MAX):
            torn = list(self._torn(table))
            if not torn:
                break
            for name in dict.fromkeys(part.table for part in torn):
                self._mend(name, [part for part in torn if part.table == name], is_repeated=table is not None)
            count += len(torn)
        self.mended_count += count
        return count

    def _torn(self, table: str | None) -> Iterator[Part]:
        """Parts in use that are torn. What was seen whole stays so: the engine never changes a part."""
        parts = self._parts("active" if table is None else f"active AND table = '{table}'")
        names = {(part.table, part.name) for part in parts}
        self._whole = {seen for seen in self._whole if seen in names or table not in {None, seen[0]}}
        for part in parts:
            if (part.table, part.name) in self._whole:
                continue
            if part.is_torn():
                yield part
            else:
                self._whole.add((part.table, part.name))

    def _parts(self, condition: str) -> list[Part]:
        rows = self._ask(_PARTS.format(condition=condition)).to_pylist()
        return [
            Part(
                row["table"],
                row["name"],
                Path(row["path"]),
                row["bytes_on_disk"],
                row["rows"],
                bool(row["active"]),
                row["partition_id"],
                row["min_block_number"],
                row["max_block_number"],
            )
            for row in rows
        ]

    def _mend(self, table: str, torn: Sequence[Part], *, is_repeated: bool) -> None:
        # what went into a torn part may be torn, too: then what that was made of is wanted
        aside = [part for part in self._parts(f"NOT active AND table = '{table}'") if part.is_torn()]
        directory = torn[0].path.parent
        with self._detached(table):
            for part in (*torn, *aside):
                _put_aside(part)
            remove_torn_notes(directory, "mutation_*.txt")
        back = self._parts(f"active AND table = '{table}'")
        for part in (*torn, *aside):
            self._tell(part, [other for other in back if part.has(other)], is_repeated=is_repeated)

    @staticmethod
    def _tell(part: Part, back: Sequence[Part], *, is_repeated: bool) -> None:
        """Say what is in use instead; files of a part that has all of its rows elsewhere go."""
        rows = sum(other.rows for other in back)
        facts = {"table": part.table, "part": part.name, "rows": part.rows, "rows_back": rows}
        if rows >= part.rows:
            shutil.rmtree(_aside(part), ignore_errors=True)
            log.warning("torn_part_replaced", **facts, parts_back=len(back))
        elif part.first_block == part.last_block and is_repeated:
            shutil.rmtree(_aside(part), ignore_errors=True)
            log.warning("torn_insert_removed", **facts, consequence="it is inserted again")
        else:
            log.error("torn_part_put_aside", **facts, path=str(_aside(part)))


def _is_cut(part: Path) -> bool:
    try:
        if (part / packed_part.FILE).exists():
            return packed_part.sizes_in(part / packed_part.FILE) is None
        return (part / "checksums.txt").stat().st_size == 0
    except (FileNotFoundError, NotADirectoryError):  # the engine has removed it meanwhile, or it is no part
        return False


def _aside(part: Part) -> Path:
    return part.path.parent / "detached" / f"torn_{part.path.name}"


def _put_aside(part: Part) -> None:
    shutil.rmtree(_aside(part), ignore_errors=True)
    try:
        part.path.rename(_aside(part))
    except FileNotFoundError:  # the engine has removed it meanwhile
        log.info("torn_part_is_gone", table=part.table, part=part.name)
