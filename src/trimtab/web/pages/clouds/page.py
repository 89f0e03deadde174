"""`/infrastructure/cloud`: what was not read first, then load balancers with unhealthy targets, databases by how many
of their connections are taken, machines, scaling over time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from starlette.responses import Response

from trimtab.app.clouds.listing import CloudPartRow, listed
from trimtab.extend.clouds import Health, ScalingOutcome
from trimtab.model.errors import InputError
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.infrastructure.tabs import TABS
from trimtab.web.words import Word

ROWS = 100
TARGETS_SHOWN = 6
LINES = 12
"""Lines of one chart: the highest now."""

HEALTHS: dict[str, Word] = {
    Health.HEALTHY: Word("healthy", "ok", "Its checks are good."),
    Health.UNHEALTHY: Word("unhealthy", "bad", "One of its checks is not good."),
    Health.STARTING: Word("starting", "live", "It has not passed its first checks."),
    Health.LEAVING: Word("leaving", "info", "It finishes what it has, and gets nothing new."),
    Health.IDLE: Word("idle", "quiet", "Stopped or not in use: nobody checks it."),
    Health.UNKNOWN: Word("not told", "quiet", "The cloud does not tell."),
}
OUTCOMES: dict[str, Word] = {
    ScalingOutcome.DONE: Word("done", "ok", "The size is the new one."),
    ScalingOutcome.RUNNING: Word("running", "live", "It is on its way."),
    ScalingOutcome.FAILED: Word("failed", "bad", "The size could not be changed."),
    ScalingOutcome.CANCELLED: Word("cancelled", "warn", "It was given up."),
}


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that is not there, and why. `read_at_ms` is when it was read last, 0 for never."""

    account: str
    region: str
    what: str
    why: str
    tone: str
    word: str
    since_ms: int = 0
    read_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture over time."""

    id: str
    title: str
    unit: str
    keys: tuple[str, ...]
    note: str


def cloud(asked: Asked) -> Response:
    """The page, or one of its parts."""
    now = asked.service.clouds.latest()
    account, search = asked.query("account") or None, asked.query("q").strip()[:200]
    known = [name for name, _ in now.accounts]
    if account is not None and account not in known:
        raise InputError(f"account: one of {', '.join(known) or 'none'}, found {account[:40]!r}", field="account")
    found = listed(now, account, search, ROWS)
    context = {
        "title": "Infrastructure",
        "tabs": TABS,
        "found": found,
        "counts": found.counts,
        "accounts": found.accounts,
        "account": account,
        "search": search,
        "unread": together(one for part in found.asked for one in unread(part))[:ROWS],
        "healths": HEALTHS,
        "outcomes": OUTCOMES,
        "targets_shown": TARGETS_SHOWN,
        "charts": True,
        "pictures": pictures(account),
        "rows_max": ROWS,
    }
    return asked.page("clouds.html", "infrastructure", context, fragments=("now", "scaling"))


def unread(part: CloudPartRow) -> list[Unread]:
    """What is missing of one part."""
    found: list[Unread] = []
    region = part.region or "all regions"
    if not part.is_ok:
        found.append(
            Unread(
                part.account,
                region,
                part.what,
                part.problem,
                "bad",
                part.trouble or "error",
                part.failing_since_ms,
                part.read_at_ms,
            )
        )
    for lost in part.missing:
        place = lost.region or region
        found.append(Unread(part.account, place, lost.what, lost.why, "warn", lost.trouble.value))
    if part.is_cut:
        why = f"there are more than {part.count}, which is the limit (clouds.items_max)"
        found.append(Unread(part.account, region, part.what, why, "warn", "cut", read_at_ms=part.read_at_ms))
    return found


def together(found: Iterable[Unread]) -> list[Unread]:
    """What is missing of one place for one reason is one row."""
    rows: dict[tuple[str, ...], Unread] = {}
    for one in found:
        key = (one.account, one.region, one.word, one.why)
        known = rows.get(key)
        rows[key] = one if known is None else replace(known, what=f"{known.what}, {one.what}")
    return list(rows.values())


def pictures(account: str | None) -> tuple[Chart, ...]:
    """Over time, of one account (which is configured) or of all."""
    chosen = "" if account is None else f'{{account="{account}"}}'
    by = "by (account, region, group)" if account is None else "by (region, group)"
    named = "by (account, name)" if account is None else "by (name)"
    pooled = "by (account, pool)" if account is None else "by (pool)"
    bad = '{health="unhealthy"}' if not chosen else chosen.replace("}", ', health="unhealthy"}')
    return (
        Chart(
            "cloud-running",
            "Machines in service",
            "instances",
            (f"promql/topk({LINES}, sum {by} (cloud_scaling_group_running{chosen}))",),
            "By scaling group.",
        ),
        Chart(
            "cloud-wanted",
            "Machines wanted",
            "instances",
            (f"promql/topk({LINES}, sum {by} (cloud_scaling_group_desired{chosen}))",),
            "Each step is a scaling event.",
        ),
        Chart(
            "cloud-targets",
            "Unhealthy targets",
            "targets",
            (f"promql/topk({LINES}, sum {pooled} (cloud_balancer_targets{bad}))",),
            "Behind load balancers.",
        ),
        Chart(
            "cloud-connections",
            "Connections taken",
            "%",
            (f"promql/topk({LINES}, 100 * max {named} (cloud_database_connections_ratio{chosen}))",),
            "Of those that a database allows.",
        ),
    )
