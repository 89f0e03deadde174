"""A plan from a file of whatever form: EXPLAIN's text, its JSON, or a log with plans of auto_explain."""

from __future__ import annotations

from trimtab.analyze.queries.plans.document import BadPlan, PlanDocument
from trimtab.analyze.queries.plans.read_json import read_json
from trimtab.analyze.queries.plans.read_log import is_log, read_log
from trimtab.analyze.queries.plans.read_text import read_text

BYTES_MAX = 64 * 1024 * 1024


def read_plans(text: str) -> tuple[PlanDocument, ...]:
    """All plans in a text. Raises `BadPlan` where there is none, or one cannot be read.

    >>> len(read_plans('[{"Plan": {"Node Type": "Result"}}]')), len(read_plans("Result  (cost=0.00..9 rows=1 width=4)"))
    (1, 1)
    >>> read_plans("- Plan:\\n    Node Type: Result")
    Traceback (most recent call last):
    trimtab.analyze.queries.plans.document.BadPlan: EXPLAIN's YAML is not read: use its text form, or FORMAT JSON
    """
    if not text.strip():
        raise BadPlan("it is empty")
    if len(text) > BYTES_MAX:
        raise BadPlan(f"it has {len(text):,} characters, the limit is {BYTES_MAX:,}")
    if is_log(text):
        found = read_log(text)
        if not found:
            raise BadPlan("auto_explain wrote plans into this log, but none of them can be read (text and JSON can)")
        return found
    bare = text.lstrip(" \t\r\n-+|").removeprefix("QUERY PLAN").lstrip(" \t\r\n-+|")
    if bare.startswith(("[", "{")):
        return read_json(text)
    if bare.startswith("<"):
        raise BadPlan("EXPLAIN's XML is not read: use its text form, or FORMAT JSON")
    if bare.startswith(("Plan:", 'Plan": ')):
        raise BadPlan("EXPLAIN's YAML is not read: use its text form, or FORMAT JSON")
    return (read_text(text),)
