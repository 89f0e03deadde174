"""Steps in EXPLAIN's own words, and back: `Index Scan Backward using o_at on orders o` is a handful of facts."""

from __future__ import annotations

import re
from typing import Any

from trimtab.analyze.queries.plans.document import Raw
from trimtab.model.errors import StatementRefused
from trimtab.sql.identifiers import quoted

_JOINS = {"Nested Loop": "Nested Loop", "Hash Join": "Hash", "Merge Join": "Merge"}
_AGGREGATES = {"Hashed": "HashAggregate", "Sorted": "GroupAggregate", "Mixed": "MixedAggregate"}
_NAMED = (
    "Relation Name",
    "Function Name",
    "Table Function Name",
    "CTE Name",
    "Tuplestore Name",
)
_TARGETS = {
    "Function Scan": "Function Name",
    "Table Function Scan": "Table Function Name",
    "CTE Scan": "CTE Name",
    "WorkTable Scan": "CTE Name",
    "Named Tuplestore Scan": "Tuplestore Name",
}
_ALIAS_ONLY = ("Subquery Scan", "Values Scan")
_OPERATIONS = ("Insert", "Update", "Delete", "Merge")

_IDENTIFIER = r'(?:"(?:[^"]|"")*"|[^\s".]+)'
_TARGET = re.compile(rf"(?:(?P<schema>{_IDENTIFIER})\.)?(?P<name>{_IDENTIFIER})(?: (?P<alias>{_IDENTIFIER}))?\Z")
_JOIN = re.compile(r"(Nested Loop|Hash|Merge) (?:(Left|Right|Full|Semi|Anti|Right Semi|Right Anti) )?Join\Z")
_AGGREGATE = re.compile(r"(?:(Partial|Finalize) )?(HashAggregate|GroupAggregate|MixedAggregate|Aggregate)\Z")
_SET_OPERATION = re.compile(r"(Hash)?SetOp (Intersect|Intersect All|Except|Except All)\Z")


def title_of(raw: Raw) -> str:
    """The step in EXPLAIN's own words.

    >>> title_of({"Node Type": "Index Scan", "Scan Direction": "Backward", "Index Name": "o_at", "Relation Name": "o"})
    'Index Scan Backward using o_at on o'
    >>> title_of({"Node Type": "Hash Join", "Join Type": "Left"}), title_of({"Node Type": "Aggregate",
    ...     "Strategy": "Hashed", "Partial Mode": "Partial"})
    ('Hash Left Join', 'Partial HashAggregate')
    """
    kind = str(raw.get("Node Type", "?"))
    words = kind
    if kind == "Aggregate":
        words = _AGGREGATES.get(str(raw.get("Strategy")), kind)
        if raw.get("Partial Mode") in ("Partial", "Finalize"):
            words = f"{raw['Partial Mode']} {words}"
    elif kind == "ModifyTable":
        words = str(raw.get("Operation", kind))
    elif kind == "Foreign Scan" and raw.get("Operation", "Select") != "Select":
        words = f"Foreign {raw['Operation']}"
    elif kind == "Custom Scan" and "Custom Plan Provider" in raw:
        words = f"Custom Scan ({raw['Custom Plan Provider']})"
    elif kind == "SetOp":
        words = "HashSetOp" if raw.get("Strategy") == "Hashed" else kind
        words = f"{words} {raw['Command']}" if "Command" in raw else words
    elif kind in _JOINS and raw.get("Join Type", "Inner") != "Inner":
        words = f"{_JOINS[kind]} {raw['Join Type']} Join"
    if raw.get("Scan Direction") == "Backward":
        words += " Backward"
    if raw.get("Parallel Aware") is True:
        words = f"Parallel {words}"
    if raw.get("Async Capable") is True:
        words = f"Async {words}"
    if kind == "Bitmap Index Scan":
        return f"{words} on {_name(raw.get('Index Name', '?'))}"
    if "Index Name" in raw:
        words += f" using {_name(raw['Index Name'])}"
    named = next((str(raw[key]) for key in _NAMED if key in raw), None)
    alias = raw.get("Alias")
    if named is None:
        return f"{words} on {_name(alias)}" if alias else words
    schema = f"{_name(raw['Schema'])}." if raw.get("Schema") else ""
    words += f" on {schema}{_name(named)}"
    return f"{words} {_name(alias)}" if alias and alias != named else words


def facts_of(title: str) -> dict[str, Any]:
    """What a title says; {} where it is none that EXPLAIN writes.

    >>> facts_of('Parallel Seq Scan on public."Order Lines" l')["Relation Name"]
    'Order Lines'
    >>> facts_of("Hash Anti Join"), facts_of("hello")
    ({'Node Type': 'Hash Join', 'Join Type': 'Anti'}, {})
    """
    facts: dict[str, Any] = {}
    words = title
    for flag, key in (("Async ", "Async Capable"), ("Parallel ", "Parallel Aware")):
        if words.startswith(flag):
            facts[key] = True
            words = words[len(flag) :]
    words, target = _split(words, " on ")
    words, index = _split(words, " using ")
    if words.endswith(" Backward"):
        words, facts["Scan Direction"] = words[: -len(" Backward")], "Backward"
    kind = _kind(words)
    if not kind:
        return {}
    facts = kind | facts
    if index:
        facts["Index Name"] = _unquoted(index)
    if target and facts["Node Type"] == "Bitmap Index Scan":
        facts["Index Name"] = _unquoted(target)
    elif target:
        facts |= _target(facts["Node Type"], target)
    return facts


def _kind(words: str) -> dict[str, Any]:
    if (join := _JOIN.match(words)) is not None:
        kind = "Nested Loop" if join[1] == "Nested Loop" else f"{join[1]} Join"
        return {"Node Type": kind, "Join Type": join[2] or "Inner"}
    if words == "Nested Loop":
        return {"Node Type": words, "Join Type": "Inner"}
    if (aggregate := _AGGREGATE.match(words)) is not None:
        names = {word: strategy for strategy, word in _AGGREGATES.items()}
        strategy = names.get(aggregate[2], "Plain")
        return {"Node Type": "Aggregate", "Strategy": strategy, "Partial Mode": aggregate[1] or "Simple"}
    if (operation := _SET_OPERATION.match(words)) is not None:
        return {"Node Type": "SetOp", "Strategy": "Hashed" if operation[1] else "Sorted", "Command": operation[2]}
    if words in _OPERATIONS:
        return {"Node Type": "ModifyTable", "Operation": words}
    if words.startswith("Foreign ") and words[8:] in _OPERATIONS:
        return {"Node Type": "Foreign Scan", "Operation": words[8:]}
    if words.startswith("Custom Scan ("):
        return {"Node Type": "Custom Scan", "Custom Plan Provider": words[13:].rstrip(")")}
    return {"Node Type": words} if words in NODE_TYPES else {}


def _target(kind: str, target: str) -> dict[str, Any]:
    found = _TARGET.match(target)
    if found is None:
        return {"Alias": target}
    name = _unquoted(found["name"])
    if kind in _ALIAS_ONLY:
        return {"Alias": name}
    facts = {_TARGETS.get(kind, "Relation Name"): name, "Alias": _unquoted(found["alias"]) if found["alias"] else name}
    return facts | ({"Schema": _unquoted(found["schema"])} if found["schema"] else {})


def _split(words: str, at: str) -> tuple[str, str]:
    """At the first place; a name in quotes only comes behind it."""
    before, found, behind = words.partition(at)
    return (before, behind) if found else (words, "")


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if len(name) > 1 and name[0] == name[-1] == '"' else name


def _name(name: object) -> str:
    try:
        return quoted(str(name))
    except StatementRefused:
        return str(name)  # shortened, or no name of a server's: shown as it came


NODE_TYPES = frozenset(
    (
        *("Result", "ProjectSet", "Append", "Merge Append", "Recursive Union", "BitmapAnd", "BitmapOr", "Seq Scan"),
        *("Sample Scan", "Gather", "Gather Merge", "Index Scan", "Index Only Scan", "Bitmap Index Scan"),
        *("Bitmap Heap Scan", "Tid Scan", "Tid Range Scan", "Subquery Scan", "Function Scan", "Table Function Scan"),
        *("Values Scan", "CTE Scan", "Named Tuplestore Scan", "WorkTable Scan", "Foreign Scan", "Materialize"),
        *("Memoize", "Sort", "Incremental Sort", "Group", "WindowAgg", "Unique", "LockRows", "Limit", "Hash"),
    )
)
"""Steps whose title is their type."""
