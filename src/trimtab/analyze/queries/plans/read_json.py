"""The JSON form of EXPLAIN, from psql, a program or auto_explain, into a document that can be relied on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from trimtab.analyze.queries.plans.document import DEPTH_MAX, STEPS_MAX, BadPlan, PlanDocument, Raw

_CONTINUED = re.compile(r"[ ]*\+[ ]*$", re.MULTILINE)
_NUMBERS = (
    "Startup Cost",
    "Total Cost",
    "Plan Rows",
    "Plan Width",
    "Actual Startup Time",
    "Actual Total Time",
    "Actual Rows",
    "Actual Loops",
)


def read_json(text: str) -> tuple[PlanDocument, ...]:
    """The plans in a JSON text: EXPLAIN's list, one object, or what auto_explain writes. Raises `BadPlan`.

    >>> read_json('[{"Plan": {"Node Type": "Result", "Total Cost": 0.01}}]')[0].raw["Plan"]["Node Type"]
    'Result'
    >>> read_json('[{"Plan": {"Total Cost": 1}}]')
    Traceback (most recent call last):
    trimtab.analyze.queries.plans.document.BadPlan: plan 1: the step at $.Plan has no "Node Type"
    """
    try:
        found = json.loads(_unframed(text))
    except json.JSONDecodeError as error:
        raise BadPlan(
            f"it is no JSON: {error.msg} (line {error.lineno}, column {error.colno})", line=error.lineno
        ) from None
    except RecursionError:
        raise BadPlan("its JSON is nested too deeply") from None
    return documents(found)


def documents(found: object) -> tuple[PlanDocument, ...]:
    """The plans in what JSON says."""
    all_ = found if isinstance(found, list) else [found]
    if not all_:
        raise BadPlan("it is an empty list: there is no plan in it")
    return tuple(_document(one, place) for place, one in enumerate(all_, start=1))


def _document(one: object, place: int) -> PlanDocument:
    if isinstance(one, Mapping) and isinstance(one.get("explain"), Mapping | list):
        one = one["explain"]  # as some programs wrap it
    if isinstance(one, Mapping) and isinstance(one.get("QUERY PLAN"), list) and one["QUERY PLAN"]:
        one = one["QUERY PLAN"][0]
    if isinstance(one, Mapping) and "Node Type" in one:
        one = {"Plan": one}
    if not isinstance(one, Mapping) or "Plan" not in one:
        raise BadPlan(f'plan {place}: an object with the key "Plan" was wanted, as EXPLAIN (FORMAT JSON) gives it')
    _check(one["Plan"], place)
    beside = {key: value for key, value in one.items() if key != "Query Text"}
    statement = one.get("Query Text")
    return PlanDocument(beside, statement if isinstance(statement, str) else None)


def _check(root: object, place: int) -> None:
    """Every step is one, and its numbers are numbers: nothing behind this has to ask again."""
    waiting: list[tuple[object, str, int]] = [(root, "$.Plan", 1)]
    count = 0
    while waiting:
        step, where, depth = waiting.pop()
        count += 1
        if count > STEPS_MAX or depth > DEPTH_MAX:
            raise BadPlan(f"plan {place}: more than {STEPS_MAX:,} steps, or more than {DEPTH_MAX:,} deep")
        if not isinstance(step, Mapping):
            raise BadPlan(f"plan {place}: an object was wanted at {where}, not {type(step).__name__}")
        if not isinstance(step.get("Node Type"), str):
            raise BadPlan(f'plan {place}: the step at {where} has no "Node Type"')
        for name in _NUMBERS:
            if name in step and not _is_number(step[name]):
                raise BadPlan(f'plan {place}: "{name}" at {where} is no number')
        children = step.get("Plans", [])
        if not isinstance(children, list):
            raise BadPlan(f'plan {place}: "Plans" at {where} is no list')
        waiting.extend((child, f"{where}.Plans[{at}]", depth + 1) for at, child in enumerate(children))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300  # NaN is not


def _unframed(text: str) -> str:
    """Without psql's title, rule and row count, and the `+` that it puts behind each line of a value."""
    start = min((at for at in (text.find("["), text.find("{")) if at >= 0), default=0)
    end = max(text.rfind("]"), text.rfind("}")) + 1
    frame = text[:start] + text[end:]
    body = text[start:end] if end > start and _is_frame(frame) else text
    return _CONTINUED.sub("", body) if "QUERY PLAN" in frame else body


def _is_frame(frame: str) -> bool:
    words = re.sub(r"QUERY PLAN|[-+\s]|\(\d+ rows?\)", "", frame)
    return not words


def checked(raw: Mapping[str, Any]) -> Raw:
    """A plan object that a driver already decoded, looked at as one that was read."""
    return _document(raw, 1).raw
