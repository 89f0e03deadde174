"""What a disk that became full while the engine was writing has cut short: the engine does not always say so.

Before it deletes rows it writes a note (`mutation_N.txt`). The note may be empty, and then the engine's next start
cannot open the table. Every deletion here is repeated until it is done (rows of a segment that is loaded again, sums
beyond a mark, series that have gone), so a torn note says nothing that is missed. Of what was inserted, files of a part
may be empty; the loader has the segment still, and loads it again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from trimtab.store.engine import Engine

_BEGIN = b"format version:"

log = structlog.get_logger()


def remove_torn_notes(directory: Path) -> int:
    """Remove notes that do not begin as they should, before the engine opens; how many there were."""
    count = 0
    for path in directory.glob("store/*/*/mutation_*.txt"):
        with path.open("rb") as file:
            is_whole = file.read(len(_BEGIN)) == _BEGIN
        if not is_whole:
            path.unlink()
            log.warning("torn_mutation_removed", path=str(path.relative_to(directory)))
            count += 1
    return count


def drop_torn_parts(engine: Engine, table_name: str) -> int:
    """Drop parts of one insert that cannot be read; how many. Merged ones stay: they have more than can come again."""
    checked = engine.write(f"CHECK TABLE {table_name} SETTINGS check_query_single_value_result = 0").to_pylist()
    count = 0
    for row in checked:
        name = row["part_path"].rstrip("/").rpartition("/")[2]
        if row["is_passed"] or name.split("_")[3:4] != ["0"]:
            continue
        engine.write(f"ALTER TABLE {table_name} DROP PART '{name}'")
        log.warning("torn_part_dropped", table=table_name, part=name, reason=row["message"])
        count += 1
    return count
