"""What stands behind `Key: ` in a plan's text form: which values are numbers or lists, and lines that hold several."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

LISTS = frozenset(
    (
        "Output",
        "Sort Key",
        "Presorted Key",
        "Group Key",
        "Hash Key",
        "Conflict Arbiter Indexes",
    )
)
NUMBERS = frozenset(
    (
        "Workers Planned",
        "Workers Launched",
        "Heap Fetches",
        "Index Searches",
        "Subplans Removed",
        "Rows Removed by Filter",
        "Rows Removed by Join Filter",
        "Rows Removed by Index Recheck",
        "Rows Removed by Conflict Filter",
        "Tuples Inserted",
        "Conflicting Tuples",
    )
)
FLAGS = frozenset(("Single Copy", "Disabled", "Inner Unique"))

_PAIR = re.compile(
    r"([A-Z][A-Za-z/ -]*?): (?:(\d+(?:\.\d+)?)(kB)?|([a-z][A-Za-z -]*?))(?: \(originally (\d+)\))?(?:  |\Z)"
)
_COUNT = re.compile(r"([a-z]+)=(\d+(?:\.\d+)?)")
_BUFFERS = {"shared": "Shared", "local": "Local", "temp": "Temp"}
_TIMES = {
    "": "I/O",
    "shared/local": "I/O",
    "shared": "Shared I/O",
    "local": "Local I/O",
    "temp": "Temp I/O",
}
_HASH = {
    "Buckets": "Hash Buckets",
    "Batches": "Hash Batches",
    "Memory Usage": "Peak Memory Usage",
}
_AGGREGATE = {
    "Batches": "HashAgg Batches",
    "Memory Usage": "Peak Memory Usage",
}
_MEMOIZE = {
    "Hits": "Cache Hits",
    "Misses": "Cache Misses",
    "Evictions": "Cache Evictions",
    "Overflows": "Cache Overflows",
    "Memory Usage": "Peak Memory Usage",
}


def facts_of_line(kind: str, key: str, value: str) -> dict[str, Any]:
    """The facts of one line `key: value` of a step of this kind, under the names that JSON has for them.

    >>> facts_of_line("Sort", "Sort Method", "external merge  Disk: 3520kB")
    {'Sort Method': 'external merge', 'Sort Space Used': 3520, 'Sort Space Type': 'Disk'}
    >>> facts_of_line("Seq Scan", "Buffers", "shared hit=5 read=1, temp written=2")
    {'Shared Hit Blocks': 5, 'Shared Read Blocks': 1, 'Temp Written Blocks': 2}
    >>> facts_of_line("Hash", "Buckets", "65536 (originally 1024)  Batches: 4  Memory Usage: 99kB")["Hash Batches"]
    4
    """
    special = _SPECIAL.get(key)
    if special is not None:
        return special(kind, f"{key}: {value}")
    if key in LISTS:
        return {key: split_list(value)}
    if key in NUMBERS and (read := as_number(value)) is not None:
        return {key: read}
    if key in FLAGS:
        return {key: value == "true"}
    return {key: value}


def as_number(value: str) -> float | int | None:
    """A number, or None.

    >>> as_number("12"), as_number("0.5"), as_number("12 kB")
    (12, 0.5, None)
    """
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        return None


def split_list(value: str) -> list[str]:
    """Expressions between commas, as far as these stand in no bracket and no quotes.

    >>> split_list("a, f(b, c), 'x, y'::text DESC")
    ['a', 'f(b, c)', "'x, y'::text DESC"]
    """
    found: list[str] = []
    depth, quote, start = 0, "", 0
    for place, letter in enumerate(value):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        elif letter == "," and depth <= 0:
            found.append(value[start:place].strip())
            start = place + 1
    return [*found, value[start:].strip()]


def _renamed(names: dict[str, str]) -> Callable[[str], dict[str, Any]]:
    def read(line: str) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for key, digits, _, word, original in _PAIR.findall(line):
            name = names.get(key, key)
            facts[name] = as_number(digits) if digits else word
            if original:
                facts[f"Original {name}"] = int(original)
        return facts

    return read


def _memory(kind: str, line: str) -> dict[str, Any]:
    names = {"Hash": _HASH, "Memoize": _MEMOIZE}.get(kind, _AGGREGATE)
    return _renamed(names)(line)


def _storage(_kind: str, line: str) -> dict[str, Any]:
    words, _, size = line.partition("  Maximum Storage: ")
    return {"Storage": words.removeprefix("Storage: "), "Maximum Storage": as_number(size.removesuffix("kB"))}


def _sort(_kind: str, line: str) -> dict[str, Any]:
    facts = _renamed({})(line)
    for space in ("Memory", "Disk"):
        if space in facts:
            used = facts.pop(space)
            return facts | {"Sort Space Used": used, "Sort Space Type": space}
    return facts


def _groups(_kind: str, line: str) -> dict[str, Any]:
    """One line of an incremental sort."""
    name = line.partition(":")[0]
    facts = _renamed({})(line)
    methods = str(facts.get("Sort Method") or facts.get("Sort Methods") or "")
    found: dict[str, Any] = {"Group Count": facts.get(name), "Sort Methods Used": methods.split(", ")}
    for space in ("Memory", "Disk"):
        if f"Peak {space}" in facts:
            found[f"Sort Space {space}"] = {
                "Average Sort Space Used": facts.get(f"Average {space}"),
                "Peak Sort Space Used": facts[f"Peak {space}"],
            }
    return {name: found}


def _blocks(_kind: str, line: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for part in line.partition(": ")[2].split(", "):
        where = part.partition(" ")[0]
        for how, count in _COUNT.findall(part):
            facts[f"{_BUFFERS.get(where, where.capitalize())} {how.capitalize()} Blocks"] = int(float(count))
    return facts


def _io_times(_kind: str, line: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for part in line.partition(": ")[2].split(", "):
        where = part.partition(" ")[0] if "=" not in part.partition(" ")[0] else ""
        for how, time_ms in _COUNT.findall(part):
            facts[f"{_TIMES.get(where, 'I/O')} {how.capitalize()} Time"] = float(time_ms)
        if where == "shared/local":  # versions 15 and 16, whose JSON always has temporary files, too
            facts.setdefault("Temp I/O Read Time", 0.0)
    return facts


def _wal(_kind: str, line: str) -> dict[str, Any]:
    names = {"records": "WAL Records", "fpi": "WAL FPI", "bytes": "WAL Bytes"}
    return {names[name]: int(float(count)) for name, count in _COUNT.findall(line) if name in names}


def _heap_blocks(_kind: str, line: str) -> dict[str, Any]:
    return {f"{how.capitalize()} Heap Blocks": int(count) for how, count in _COUNT.findall(line)}


_SPECIAL: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "Sort Method": _sort,
    "Full-sort Groups": _groups,
    "Pre-sorted Groups": _groups,
    "Buckets": _memory,
    "Batches": _memory,
    "Planned Partitions": _memory,
    "Hits": _memory,
    "Storage": _storage,
    "Buffers": _blocks,
    "I/O Timings": _io_times,
    "WAL": _wal,
    "Heap Blocks": _heap_blocks,
}
