"""What to do about an issue before it is there: what trimtab can do, what a person does, what nobody has checked."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.app.forecasting.families import Family, LimitWish
from trimtab.model.errors import TrimtabError

if TYPE_CHECKING:
    from trimtab.analyze.rules.rule_files import Group


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `by` is who does it: `trimtab` (it has advice, and can apply what you approve) or `you`.
    `href` is where."""

    text: str
    by: str = "you"
    href: str = ""


@dataclass(frozen=True, slots=True)
class Recommended:
    """What is recommended, the runbook of the rule that watches the same thing, and what is not verified."""

    actions: tuple[Action, ...]
    runbook: str = ""
    not_verified: tuple[str, ...] = ()


_ALWAYS = (
    "That the coming hours are like those of the past: a deployment, a campaign or a migration is not in the history.",
)
_QUERIES = Action(
    "Take the queries that carry most load first: where an index, a rewrite or a parameter helps, trimtab has advice"
    " with a predicted ratio, and applies what you approve.",
    "trimtab",
    "/queries",
)
_CAPACITY = Action(
    "See when the limit is reached for good, and what more traffic or a larger machine changes.", href="/capacity"
)
_INDEXES = Action(
    "Drop indexes that nobody reads: each has its size, and the statement to have it back.", "trimtab", "/indexes"
)

_BY_FAMILY: Mapping[str, tuple[tuple[Action, ...], tuple[str, ...]]] = {
    "host_cpu": (
        (
            _QUERIES,
            Action("See which programs keep the processors busy at that hour; move jobs that can wait."),
            _CAPACITY,
        ),
        ("That users feel it: answers may be as fast as always while processors are busy.",),
    ),
    "host_memory": (
        (
            Action("See which programs grow: one that never gives back is a leak, and a restart is only time won."),
            Action("Look for a leak or a saw-tooth in the series.", "trimtab", "/patterns"),
            _CAPACITY,
        ),
        ("How much of what is taken could be given back at once (file cache of programs of their own).",),
    ),
    "host_storage": (
        (
            _INDEXES,
            Action(
                "Remove what can go: old logs, backups on the same disk, files of replication slots that nobody reads."
            ),
            _CAPACITY,
        ),
        ("Whether a job will delete by itself what it wrote.",),
    ),
    "host_disk": (
        (
            _QUERIES,
            Action("Move backups and batch jobs away from that hour."),
        ),
        ("What the disk can do: an SSD does more at 100 % of the time, a single spindle does not.",),
    ),
    "host_network_receive": (
        (Action("See who sends so much at that hour; move copies and backups."), _CAPACITY),
        ("The speed of the link is what its driver says; a cloud may allow less.",),
    ),
    "host_network_transmit": (
        (Action("See who fetches so much at that hour; move copies and backups."), _CAPACITY),
        ("The speed of the link is what its driver says; a cloud may allow less.",),
    ),
    "postgres_connections": (
        (
            Action("Close what is idle in a transaction, and set idle_in_transaction_session_timeout."),
            Action("Put a pool (PgBouncer) between the application and the server, or make its pools smaller."),
            Action(
                "Queries that are faster hold a session for less time: take the slow ones first.", "trimtab", "/queries"
            ),
            Action("Raising max_connections needs a restart, and memory for each: the last thing to do."),
        ),
        ("Which application opens them: the series does not tell them apart.",),
    ),
    "postgres_unfrozen": (
        (
            Action("End old transactions, drop slots that nobody reads: they hold back vacuum."),
            Action("VACUUM (FREEZE) the oldest tables one by one, at a quiet hour."),
        ),
        ("Whether an autovacuum that runs now gets there before.",),
    ),
}
_BY_KIND: Mapping[str, tuple[tuple[Action, ...], tuple[str, ...]]] = {
    "objective": (
        (
            Action("Look at what breaks the objective now, and freeze risky changes until the budget has recovered."),
            _QUERIES,
        ),
        ("How errors will come: the budget is forecast from how it went, not from what causes them.",),
    ),
    "rule": (
        (Action("The rule will fire: do now what its runbook says for then.", href="/alerts"),),
        ("How long the rule waits (`for`): a short peak may pass before it fires.",),
    ),
    "query": ((_QUERIES,), ()),
}
_OTHERS: tuple[tuple[Action, ...], tuple[str, ...]] = (
    (Action("See what grows, and since when.", href="/change-points"),),
    (),
)


def recommended(family: Family, wish: LimitWish, runbook: str, href: str) -> Recommended:
    """What to do about a limit of a family that will be crossed. `href` is the page of the series."""
    actions, doubts = _BY_FAMILY.get(family.name) or _BY_KIND.get(family.kind) or _OTHERS
    placed = tuple(
        Action(one.text, one.by, one.href or (href if one.by == "you" and family.kind == "host" else ""))
        for one in actions
    )
    told = [*_ALWAYS, *doubts]
    if family.query and family.kind != "rule":
        told.append("Peaks inside a step: what is forecast is the mean of each step.")
    if wish.query:
        told.append("That the limit stays as it is now.")
    return Recommended(placed, runbook, tuple(told))


def runbooks_of(groups: Sequence[Group]) -> dict[str, str]:
    """By the name of the alerting rule."""
    return {
        rule.name: dict(rule.annotations).get("runbook") or dict(rule.annotations).get("runbook_url", "")
        for group in groups
        for rule in group.rules
        if rule.is_alert
    }


@functools.cache
def runbooks_of_pack(pack: str) -> Mapping[str, str]:
    """Those of a pack, whether it is switched on or not."""
    from trimtab.analyze.rules.rule_files import groups_of
    from trimtab.app.packs.pack import pack_of

    try:
        return runbooks_of(groups_of(pack_of(pack).rules_text, f"{pack}/rules.yml"))
    except TrimtabError:  # a pack that is not there has no runbook
        return {}
