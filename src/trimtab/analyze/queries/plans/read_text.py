"""The text form of EXPLAIN, read back into the facts that its JSON form has.

The tree is told by indentation alone. psql's frame (title, rule, row count), the tabs of a log and a common indentation
are taken off. A line that is no step and has no key is the rest of a value that held a line break.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from trimtab.analyze.queries.plans.cut_off import is_cut_off
from trimtab.analyze.queries.plans.document import DEPTH_MAX, STEPS_MAX, BadPlan, PlanDocument
from trimtab.analyze.queries.plans.values import as_number, facts_of_line
from trimtab.analyze.queries.plans.words import facts_of

_STEP = re.compile(
    r"(?P<title>\S.*?)"
    r"(?:  \(cost=(?P<startup>[\d.]+)\.\.(?P<total>[\d.]+) rows=(?P<rows>\d+) width=(?P<width>\d+)\))?"
    r"(?: +\((?:actual (?:time=(?P<first>[\d.]+)\.\.(?P<last>[\d.]+) )?rows=(?P<real>[\d.]+) loops=(?P<loops>\d+)"
    r"|(?P<never>never executed))\))?\s*\Z"
)
_WORKER = re.compile(
    r"Worker (?P<number>\d+):  (?:actual (?:time=(?P<first>[\d.]+)\.\.(?P<last>[\d.]+) )?rows=(?P<real>[\d.]+)"
    r" loops=(?P<loops>\d+)|(?P<rest>.*))\Z"
)
_LABEL = re.compile(r"(?:InitPlan|SubPlan|CTE) \S.*\Z")
_PROPERTY = re.compile(r"(?P<key>[A-Z][A-Za-z0-9/ -]*?):(?: +(?P<value>.*))?\Z")
_FRAME = re.compile(r"\s*(?:QUERY PLAN|-{3,}|\(\d+ rows?\))\s*\Z")
_TIME = re.compile(r"(?P<key>Planning Time|Execution Time|Total runtime): (?P<ms>[\d.]+) ms\Z")
_TRIGGER = re.compile(
    r"Trigger (?P<name>.+?)(?: on (?P<relation>\S+))?:(?: time=(?P<ms>[\d.]+))? calls=(?P<calls>\d+)\Z"
)
_SETTING = re.compile(r"([\w.]+) = '((?:[^']|'')*)'")
_JIT_TIME = re.compile(r"([A-Z][a-z]+) ([\d.]+) ms")
_IDENTIFIED = ("Query Identifier", "Query Text", "Query Parameters")
_BESIDE = ("Planning", "JIT", "Serialization", "Settings", *_IDENTIFIED)
_TWO_SIDED = ("Nested Loop", "Hash Join", "Merge Join")
_MEMBERED = ("Append", "Merge Append", "BitmapAnd", "BitmapOr", "Recursive Union")


@dataclass
class _Open:
    """A step that may still get facts and steps below it; `column` is where its arrow stands."""

    column: int
    raw: dict[str, Any]


@dataclass
class _Reading:
    """What was read so far."""

    root: dict[str, Any] | None = None
    open_: list[_Open] = field(default_factory=list)
    label: str | None = None
    line_of: list[int] = field(default_factory=list)
    beside: dict[str, Any] = field(default_factory=dict)
    section: str | None = None
    last_key: str | None = None
    unread_at: int | None = None
    """The newest line that is no step, has no key, and is not the rest of a value."""
    value_before: str = ""
    """What the newest line goes on with: the lines of its value before it."""
    worker: tuple[int, dict[str, Any]] | None = None
    """Of which process the lines say something that stand further in than this column."""


def read_text(text: str) -> PlanDocument:
    """The plan in a text. Raises `BadPlan` with the line where it cannot be read.

    >>> found = read_text('''Limit  (cost=0.00..1.00 rows=5 width=4)
    ...   ->  Seq Scan on orders  (cost=0.00..40.00 rows=200 width=4)
    ...         Filter: (a = 7)
    ... Planning Time: 0.1 ms''')
    >>> found.raw["Plan"]["Plans"][0]["Filter"], found.line_of, found.raw["Planning Time"]
    ('(a = 7)', (1, 2), 0.1)
    """
    lines = _unframed(text)
    reading = _Reading()
    base = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        reading.value_before = ""
        column = len(line) - len(line.lstrip(" "))
        words = line.strip()
        if reading.root is None:
            if (query := _beside_key(words)) is not None:
                reading.beside[query[0]] = query[1]
                reading.last_key = None
                continue
            step = _step(words, is_told_with_costs="Query Text" in reading.beside)
            if step is None:
                if "Query Text" in reading.beside:
                    reading.beside["Query Text"] += f"\n{line}"
                    continue
                raise BadPlan(f"line {number} is no step of a plan: {words[:80]!r}", line=number)
            base = column
            reading.root = step
            reading.open_.append(_Open(-1, step))
            reading.line_of.append(number)
            continue
        _line(reading, words, column - (base or 0), number)
    if reading.root is None:
        raise BadPlan("there is no step of a plan in it")
    _check_end(reading, lines)
    statement = reading.beside.pop("Query Text", None)
    return PlanDocument({"Plan": reading.root} | reading.beside, statement, tuple(lines), tuple(reading.line_of))


def _check_end(reading: _Reading, lines: list[str]) -> None:
    """Raises `BadPlan` where the text ends in the middle of a line, as far as that can be known."""
    last = next(number for number in range(len(lines), 0, -1) if lines[number - 1].strip())
    if reading.unread_at == last or is_cut_off(lines[last - 1], reading.value_before):
        words = lines[last - 1].strip()[:80]
        raise BadPlan(f"the plan is cut off: line {last}, its last, is not whole: {words!r}", line=last)


def _line(reading: _Reading, words: str, column: int, number: int) -> None:
    if words.startswith("->"):
        step = _step(words[2:].strip())
        if step is None:
            raise BadPlan(f"line {number} is no step of a plan: {words[:80]!r}", line=number)
        _put(reading, step, column, number)
        return
    if column <= 0 and reading.section is None and _beside(reading, words):
        return
    if reading.section is not None:
        if column > 0:
            _in_section(reading, words)
            return
        reading.section = None
        if _beside(reading, words):
            return
    if _LABEL.match(words) and ":" not in words:
        while len(reading.open_) > 1 and reading.open_[-1].column >= column:
            reading.open_.pop()
        reading.label = words
        return
    if not _property(reading, words, column):
        reading.unread_at = number


def _step(words: str, *, is_told_with_costs: bool = False) -> dict[str, Any] | None:
    """A step; a log always has its costs, so that a line of the statement before it is none."""
    found = _STEP.match(words)
    if found is None or (is_told_with_costs and found["startup"] is None):
        return None
    facts = facts_of(found["title"])
    if not facts:
        if found["startup"] is None and found["real"] is None and found["never"] is None:
            return None
        facts = {"Node Type": found["title"]}  # a step of a newer server
    if found["startup"] is not None:
        facts |= {
            "Startup Cost": float(found["startup"]),
            "Total Cost": float(found["total"]),
            "Plan Rows": int(found["rows"]),
            "Plan Width": int(found["width"]),
        }
    if found["never"] is not None:
        facts |= {"Actual Startup Time": 0.0, "Actual Total Time": 0.0, "Actual Rows": 0, "Actual Loops": 0}
    elif found["real"] is not None:
        facts |= _actual(found)
    return facts


def _actual(found: re.Match[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {"Actual Rows": as_number(found["real"]), "Actual Loops": int(found["loops"])}
    if found["first"] is not None:
        facts |= {"Actual Startup Time": float(found["first"]), "Actual Total Time": float(found["last"])}
    return facts


def _put(reading: _Reading, step: dict[str, Any], column: int, number: int) -> None:
    while len(reading.open_) > 1 and reading.open_[-1].column >= column:
        reading.open_.pop()
    parent = reading.open_[-1].raw
    siblings = parent.setdefault("Plans", [])
    if reading.label is not None:
        step["Subplan Name"] = reading.label
        step["Parent Relationship"] = "SubPlan" if reading.label.startswith("SubPlan") else "InitPlan"
        reading.label = None
    else:
        step["Parent Relationship"] = _relationship(parent, siblings)
    siblings.append(step)
    reading.open_.append(_Open(column, step))
    reading.line_of.append(number)
    reading.last_key = reading.worker = None
    if len(reading.line_of) > STEPS_MAX or len(reading.open_) > DEPTH_MAX:
        raise BadPlan(
            f"line {number}: the plan has more than {STEPS_MAX:,} steps, or is more than {DEPTH_MAX:,} deep",
            line=number,
        )


def _relationship(parent: dict[str, Any], siblings: list[dict[str, Any]]) -> str:
    kind = parent["Node Type"]
    if kind in _MEMBERED:
        return "Member"
    if kind == "Subquery Scan":
        return "Subquery"
    has_outer = any(one["Parent Relationship"] == "Outer" for one in siblings)
    return "Inner" if kind in _TWO_SIDED and has_outer else "Outer"


def _property(reading: _Reading, words: str, column: int) -> bool:
    """A line with what is said of a step, or the rest of one; whether it is one of these."""
    raw = reading.open_[-1].raw
    kind = raw["Node Type"]
    if reading.worker is not None and column > reading.worker[0]:
        found = _PROPERTY.match(words)
        if found is not None and found["value"] is not None:
            reading.worker[1].update(facts_of_line(kind, found["key"], found["value"]))
        return True
    reading.worker = None
    if (worker := _WORKER.match(words)) is not None:
        one: dict[str, Any] = {"Worker Number": int(worker["number"])}
        key, _, value = (worker["rest"] or "").partition(": ")
        one |= _actual(worker) if worker["real"] is not None else facts_of_line(kind, key, value)
        raw.setdefault("Workers", []).append(one)
        reading.worker = (column, one)
        return True
    found = _PROPERTY.match(words)
    if found is None or found["value"] is None:
        key = reading.last_key
        value = None if key is None else raw.get(key)
        if key is None or not isinstance(value, str):
            return False
        reading.value_before = value
        raw[key] = f"{value}\n{words}"
        return is_cut_off(value)  # else it was whole already
    facts = facts_of_line(kind, found["key"], found["value"])
    for key, value in facts.items():
        if isinstance(value, list) and isinstance(raw.get(key), list):
            raw[key] += value  # a second grouping set
        else:
            raw[key] = value
    reading.last_key = found["key"]
    return True


def _beside_key(words: str) -> tuple[str, str] | None:
    """What a log writes before the plan."""
    key, colon, value = words.partition(": ")
    return (key, value) if colon and key in _IDENTIFIED else None


def _beside(reading: _Reading, words: str) -> bool:
    """A line below the tree; whether it is one."""
    if (time := _TIME.match(words)) is not None:
        key = "Execution Time" if time["key"] == "Total runtime" else time["key"]
        reading.beside[key] = float(time["ms"])
        return True
    if (trigger := _TRIGGER.match(words)) is not None:
        one: dict[str, Any] = {"Trigger Name": trigger["name"], "Calls": int(trigger["calls"])}
        if trigger["name"].startswith("for constraint "):
            one = {"Constraint Name": trigger["name"].removeprefix("for constraint "), "Calls": one["Calls"]}
        if trigger["relation"]:
            one["Relation"] = trigger["relation"]
        if trigger["ms"]:
            one["Time"] = float(trigger["ms"])
        reading.beside.setdefault("Triggers", []).append(one)
        return True
    key, colon, value = words.partition(":")
    if not colon or key not in _BESIDE:
        return False
    if key == "Settings":
        reading.beside[key] = {name: text.replace("''", "'") for name, text in _SETTING.findall(value)}
    elif value.strip():
        reading.beside[key] = as_number(value.strip()) if key == "Query Identifier" else value.strip()
    else:
        reading.section = key
        reading.beside.setdefault(key, {})
    return True


def _in_section(reading: _Reading, words: str) -> None:
    section: dict[str, Any] = reading.beside[reading.section or ""]
    key, _, value = words.partition(": ")
    if reading.section == "Planning":
        section |= facts_of_line("", key, value)
    elif key == "Functions":
        section[key] = as_number(value)
    elif key == "Options":
        section[key] = {name: flag == "true" for name, _, flag in (one.partition(" ") for one in value.split(", "))}
    elif key == "Timing":
        section[key] = {name: float(ms) for name, ms in _JIT_TIME.findall(value)}


def _unframed(text: str) -> list[str]:
    lines = text.expandtabs(8).splitlines()
    while lines and (not lines[0].strip() or _FRAME.match(lines[0])):
        lines.pop(0)
    while lines and (not lines[-1].strip() or _FRAME.match(lines[-1])):
        lines.pop()
    if lines and all(line.strip().startswith('"') and line.strip().endswith('"') for line in lines):
        lines = [line.strip()[1:-1].replace('""', '"') for line in lines]
    indented = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
    common = min(indented, default=0)
    return [line[common:].rstrip() for line in lines]
