"""Counting lines that have a phrase, without reading the lines.

The text index knows which lines have all words of a phrase, not whether these stand beside each other. But lines of one
pattern are the same but for numbers and ids (`body_kernels`): so a phrase without any is in all of them, or in none.
Lines are counted by pattern then, and one of each pattern is looked at. Lines that are longer than what their pattern
tells of have an odd one, and are looked at themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from trimtab.store.engine import Merge
from trimtab.store.logs.drain import VARIABLE
from trimtab.store.logs.language import All, Node, Words

if TYPE_CHECKING:
    from trimtab.store.logs.ranges import Asked, Asking

FORMS_MAX = 500
"""Patterns of which one line is looked at; where there are more, all lines are."""
GROUPS_MAX = 200_000
_WORDS = re.compile(r"[A-Za-z]+(?:[^0-9A-Za-z\x80-\U0010ffff]+[A-Za-z]+)+")
_ID = re.compile(r"(?<![A-Za-z])[a-fA-F]{4,}(?![A-Za-z])")
_BUCKET = "intDiv(at_ns, {step_ns:Int64}) AS bucket, level"


class Split(NamedTuple):
    """A query without its phrases, and the phrases: both must hold."""

    rest: Node
    phrases: tuple[Words, ...]


def split(node: Node) -> Split:
    """Phrases that lines of one pattern all have, or none of them; they must stand beside the other terms, not inside.

    >>> split(All((Words("error"), Words("connection refused"))))
    Split(rest=All((Words('error'),)), phrases=(Words('connection refused'),))
    >>> [len(split(Words(text)).phrases) for text in ("took 5 ms", "a dead-beef", "wait", "is <*> so", "cart_service")]
    [0, 0, 0, 0, 1]
    """
    items: Sequence[Node] = node.items if isinstance(node, All) else (node,)
    phrases = tuple(item for item in items if isinstance(item, Words) and _is_of_pattern(item))
    return Split(All(tuple(item for item in items if item not in phrases)), phrases)


def _is_of_pattern(words: Words) -> bool:
    text = words.text
    if words.is_open_left or words.is_open_right or VARIABLE in text:
        return False
    return _WORDS.fullmatch(text) is not None and _ID.search(text) is None


def counts_of(asking: Asking, asked: Asked, step_ns: int) -> tuple[pa.Table, tuple[str, ...]] | None:
    """`bucket`, `level` and `n` of what matches, and shards that did not answer; None where there are too many
    patterns. `asked.loose` must be there."""
    parameters = {**asked.parameters, "step_ns": step_ns}
    found = asking.gather(
        f"SELECT {_BUCKET}, pattern, count() AS n, max(at_ns) AS last_ns FROM log_records WHERE {asked.loose}"
        f" GROUP BY bucket, level, pattern LIMIT {GROUPS_MAX}",
        parameters,
        Merge(group_by=("bucket", "level", "pattern"), how={"last_ns": "max"}),
    )
    groups = found.table
    patterns = groups["pattern"].to_numpy()
    forms, first = np.unique(patterns, return_index=True)
    if groups.num_rows >= GROUPS_MAX or len(forms) > FORMS_MAX:
        return None
    if not len(forms):
        return groups.select(["bucket", "level", "n"]), found.missing
    looked = asking.gather(
        f"SELECT pattern FROM log_records WHERE {asked.where} AND at_ns IN {{times:Array(Int64)}}"
        " AND pattern IN {forms:Array(UInt64)} GROUP BY pattern",
        {**asked.parameters, "forms": forms.tolist(), "times": groups["last_ns"].to_numpy()[first].tolist()},
        Merge(group_by=("pattern",)),
    )
    is_whole = forms % 2 == 0
    having = np.isin(patterns, np.intersect1d(forms[is_whole], looked.table["pattern"].to_numpy()))
    tables = [groups.filter(pa.array(having)).select(["bucket", "level", "n"])]
    missing = (*found.missing, *looked.missing)
    if not is_whole.all():
        long = asking.gather(
            f"SELECT {_BUCKET}, count() AS n FROM log_records WHERE {asked.where}"
            " AND pattern IN {forms:Array(UInt64)} GROUP BY bucket, level",
            {**parameters, "forms": forms[~is_whole].tolist()},
            Merge(group_by=("bucket", "level")),
        )
        tables.append(long.table.cast(tables[0].schema))
        missing += long.missing
    return pa.concat_tables(tables), missing
