"""`/queries/{system}/{fingerprint}`: one query shape; what it did over time, its plans, its executions, its cases."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.responses import Response

from trimtab.app.reading.answers import Execution, ExecutionOrder, ShapeStory
from trimtab.app.reading.plan_changes import PlanChange
from trimtab.app.reading.plans import StoredPlan
from trimtab.model.errors import InputError, TrimtabError
from trimtab.web.errors import describe
from trimtab.web.pages.frame import Asked, see_other
from trimtab.web.pages.logs.wish import quoted_always
from trimtab.web.view import Message, segment
from trimtab.web.words import sentence

PLANS_MAX = 20
CHANGES_MAX = 4
EXECUTIONS_MAX = 25
NOTICES: Mapping[str, Message] = {
    "plan": Message("The plan was taken. It is the newest one below."),
    "same_plan": Message("The plan was taken: its steps are those of the one before.", "quiet"),
}
"""What `?notice=` may say: a word chosen here, never a text from the address."""


@dataclass(frozen=True, slots=True)
class ChartWish:
    """One chart of the page."""

    id: str
    title: str
    unit: str
    measures: tuple[str, ...]
    kind: str = "line"
    note: str = ""


CHARTS: tuple[ChartWish, ...] = (
    ChartWish(
        "latency",
        "Latency",
        "ms",
        ("mean_ms", "p50_ms", "p95_ms", "p99_ms"),
        note="mean as the server counts it; p50, p95, p99 as callers saw it",
    ),
    ChartWish("load", "Load", "ms/s", ("load_ms_per_s",), "area", "1,000 ms/s: one session always busy"),
    ChartWish("calls", "Calls", "calls/s", ("calls_per_s",), "area"),
    ChartWish("rows", "Rows", "rows/s", ("rows_per_s",), "area"),
    ChartWish("blocks", "Blocks read", "blocks/s", ("read_blocks_per_s",), "area", "of 8 KiB, not found in memory"),
)


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans of the shape: all, the one that is shown, and the one beside it (None: nothing to compare with); and
    the newest changes from one to another."""

    all: tuple[StoredPlan, ...]
    shown: StoredPlan | None
    beside: StoredPlan | None
    changes: tuple[PlanChange, ...] = ()


def query(asked: Asked) -> Response:
    """The page."""
    return draw(asked)


def plan_now(asked: Asked) -> Response:
    """Take a plan now, and come back to the page; why it could not be taken is said there."""
    system, fingerprint = asked.path("system"), asked.path("fingerprint")
    try:
        taken = asked.service.plan_now(system, fingerprint, asked.who.name)
    except InputError:
        raise
    except TrimtabError as error:
        status, title, _, message = describe(error)
        return draw(asked, Message(f"No plan was taken. {title}: {sentence(message)}", "bad"), status)
    notice = "plan" if taken.is_new else "same_plan"
    kept = {name: asked.form[name] for name in ("from", "to", "tz") if asked.form.get(name)}
    return see_other(f"{address(system, fingerprint)}?{urlencode({**kept, 'notice': notice})}#plans")


def address(system: str, fingerprint: str) -> str:
    """The path of this page.

    >>> address("db/shop", "ab12")
    '/queries/db%2Fshop/ab12'
    """
    return f"/queries/{segment(system)}/{segment(fingerprint)}"


def draw(asked: Asked, message: Message | None = None, status: int = 200) -> Response:
    """The page, also after a plan that could not be taken. Executions come after it: they take the longest to find."""
    system, fingerprint = asked.path("system"), asked.path("fingerprint")
    if asked.fragment == "executions":
        return asked.page("query.html", "queries", _executions(asked, system, fingerprint), fragments=("executions",))
    service = asked.service
    story = service.read.shape(system, fingerprint, asked.within, fresh_s=asked.fresh_s)
    context: dict[str, object] = {
        "title": _title(story),
        "charts": True,
        "scripts": ("js/tt-plan.js",),
        "story": story,
        "address": address(system, fingerprint),
        "wishes": CHARTS,
        "mark_cases": [case.id for case in story.cases] + [change.case_id for change in story.changes],
        "keys": {wish.id: [f"shape/{system}/{fingerprint}/{name}" for name in wish.measures] for wish in CHARTS},
        "executions": None,
        "line_search": line_search(story.shape),
        "order": _order(asked),
        "shared_with": _shared_with(asked, system, fingerprint),
    }
    if asked.fragment is None:
        plans = service.read.plans(system, fingerprint, PLANS_MAX)
        changes = service.read.plan_changes_of(plans, CHANGES_MAX)
        context["plans"] = replace(_chosen(plans, asked), changes=changes)
        if asked.query("executions") == "now":
            context |= _executions(asked, system, fingerprint) | {"title": context["title"]}
    notice = message or NOTICES.get(asked.query("notice"))
    return asked.page(
        "query.html",
        "queries",
        context,
        fragments=("totals", "history"),
        status=status,
        messages=(notice,) if notice else (),
        path=address(system, fingerprint),
    )


def _executions(asked: Asked, system: str, fingerprint: str) -> dict[str, object]:
    order = _order(asked)
    found = asked.service.read.executions(system, fingerprint, asked.within, order, EXECUTIONS_MAX)
    shared = _shared_with(asked, system, fingerprint)
    return {"title": "", "executions": found, "order": order, "shared_with": shared, "log_search": log_search(found)}


def log_search(executions: Sequence[Execution]) -> str:
    """What finds the log lines of the traces in which a query ran.

    >>> log_search(())
    ''
    """
    return " OR ".join(f"trace_id:{trace_id}" for trace_id in dict.fromkeys(one.trace_id for one in executions))


_BETWEEN = re.compile(r"\$\d+|[ \t]*[\r\n]\s*")
"""What differs from line to line: values, and how a statement is broken into lines."""
PHRASES_MAX = 3
PHRASE_CHARS_MAX, PHRASE_CHARS_MIN = 160, 8


def line_search(shape: str) -> str:
    """What finds the log lines in which a statement stands, whatever its values were: the longest of what is between
    them, as phrases. '' where too little is.

    >>> line_search("SELECT note FROM orders WHERE customer_id = $1 AND state IN ($2, $3)")
    '"SELECT note FROM orders WHERE customer_id =" "AND state IN ("'
    >>> line_search("SELECT $1")
    ''
    """
    pieces = [piece.strip()[:PHRASE_CHARS_MAX].strip() for piece in _BETWEEN.split(shape)]
    longest = sorted((one for one in pieces if len(one) >= PHRASE_CHARS_MIN), key=len, reverse=True)[:PHRASES_MAX]
    return " ".join(quoted_always(one) for one in pieces if one in longest)


def _shared_with(asked: Asked, system: str, fingerprint: str) -> list[str]:
    """Other systems where this very query runs: a caller's span does not say which of them it went to."""
    read = asked.service.read
    others = [known.name for known in asked.service.state.systems() if known.name != system]
    return [name for name in others if fingerprint in read.texts.of(name)]


def _order(asked: Asked) -> ExecutionOrder:
    return ExecutionOrder.NEWEST if asked.query("order") == "newest" else ExecutionOrder.SLOWEST


def _title(story: ShapeStory) -> str:
    words = " ".join(story.shape.split())
    return words if len(words) <= 80 else f"{words[:79]}…"


def _chosen(plans: tuple[StoredPlan, ...], asked: Asked) -> Plans:
    """What the address asks for; else the newest, beside the one before a change, or the one before it."""
    by_id = {plan.plan_id: plan for plan in plans}
    shown = by_id.get(asked.query("plan")) or (plans[0] if plans else None)
    if shown is None:
        return Plans(plans, None, None)
    if asked.query("beside") == "none":
        return Plans(plans, shown, None)
    earlier = [plan for plan in plans if plan.since_ms < shown.since_ms and plan.structure != shown.structure]
    return Plans(plans, shown, by_id.get(asked.query("beside")) or (earlier[0] if earlier else None))
