"""Notes of deletions that a full disk has cut short (parts of tables: see `store.mending`).

Before it deletes rows the engine writes a note (`mutation_N.txt`). The note may be empty, and then the engine's next
start cannot open the table. Every deletion here is repeated until it is done (rows of a segment that is loaded again,
sums beyond a mark, series that have gone), so a torn note says nothing that is missed.
"""

from __future__ import annotations

from pathlib import Path

import structlog

_BEGIN = b"format version:"

log = structlog.get_logger()


def remove_torn_notes(directory: Path, pattern: str = "store/*/*/mutation_*.txt") -> int:
    """Remove notes that do not begin as they should, while the engine has not opened them; how many there were."""
    count = 0
    for path in directory.glob(pattern):
        with path.open("rb") as file:
            is_whole = file.read(len(_BEGIN)) == _BEGIN
        if not is_whole:
            path.unlink()
            log.warning("torn_mutation_removed", path=str(path.relative_to(directory)))
            count += 1
    return count
