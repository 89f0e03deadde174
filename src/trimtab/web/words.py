"""The words of the page for what the code calls by a short name: one table each, so that a thing has one name.

A tone says how a word is drawn: `ok`, `warn`, `bad`, `info`, `live` or `quiet`. It never stands for the word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.model.case import CaseState, Verdict
from trimtab.model.change import Autonomy, ChangeState, Risk
from trimtab.model.finding import FindingKind, Severity
from trimtab.model.objectives import BudgetState
from trimtab.store.ledger import Event


@dataclass(frozen=True, slots=True)
class Word:
    """What is shown, how it is drawn, and what it means in a sentence."""

    text: str
    tone: str = "quiet"
    meaning: str = ""


STANDINGS: Mapping[str, Word] = {
    CaseState.OPEN: Word("open", "info", "Noticed; advice is on its way."),
    CaseState.PROPOSED: Word("proposed", "info", "A change is proposed. Nothing has been touched."),
    CaseState.CHANGING: Word("changing", "live", "The change is being made or watched."),
    CaseState.CLOSED: Word("closed", "quiet", "Ended."),
    Verdict.KEPT: Word("kept", "ok", "Measured and proven faster, so it stays."),
    Verdict.ROLLED_BACK: Word("rolled back", "warn", "Taken back: the database is as it was before."),
    Verdict.INCONCLUSIVE: Word("inconclusive", "warn", "Measured to the end, and no effect could be proven."),
    Verdict.FAILED: Word("failed", "bad", "It could not be made, or not be measured."),
    Verdict.NO_ADVICE: Word("no advice", "quiet", "Looked at, and nothing that trimtab can propose would help."),
    Verdict.REJECTED: Word("rejected", "quiet", "A person said no. Nothing was touched."),
    Verdict.RECOVERED: Word("recovered", "ok", "It is over: the objective does not burn its budget any more."),
}
"""How a case stands: its verdict, or its state where there is none yet."""

BUDGET_STATES: Mapping[str, Word] = {
    BudgetState.BURNING: Word("burning", "bad", "A burn rule fires: the budget is spent much faster than it may be."),
    BudgetState.SPENT: Word("spent", "warn", "More went wrong in the window than may: the objective is not met."),
    BudgetState.KEPT: Word("kept", "ok", "There is error budget left, and no burn rule fires."),
    BudgetState.UNMEASURED: Word("not measured", "quiet", "Nothing was counted in the window: nobody knows."),
}
"""How an objective stands."""

CHANGE_STATES: Mapping[str, Word] = {
    ChangeState.PROPOSED: Word("proposed", "info", "Nothing has been touched; the guards are asked before each start."),
    ChangeState.CHECKED: Word("checked", "info", "All checks have passed; nothing has been touched."),
    ChangeState.CHECKPOINTED: Word("checkpointed", "live", "How to take it back is written down; nothing is touched."),
    ChangeState.APPLYING: Word("applying", "live", "The statement runs on the target now."),
    ChangeState.WATCHING: Word("watching", "live", "It is in place, and measured against what it would have been."),
    ChangeState.KEPT: Word("kept", "ok", "Proven faster: it stays."),
    ChangeState.ROLLED_BACK: Word("rolled back", "warn", "Proven slower, harmful, or unwanted: it was taken back."),
    ChangeState.INCONCLUSIVE: Word("inconclusive", "warn", "No effect could be proven in the time of the watch."),
    ChangeState.FAILED: Word("failed", "bad", "It could not be made, or the target changed underneath."),
    ChangeState.REJECTED: Word("rejected", "quiet", "A person said no."),
}

STEPS: tuple[ChangeState, ...] = (
    ChangeState.PROPOSED,
    ChangeState.CHECKED,
    ChangeState.CHECKPOINTED,
    ChangeState.APPLYING,
    ChangeState.WATCHING,
)
"""The states on the way, in order; the five ends follow."""

ENDS: tuple[ChangeState, ...] = (
    ChangeState.KEPT,
    ChangeState.ROLLED_BACK,
    ChangeState.INCONCLUSIVE,
    ChangeState.FAILED,
    ChangeState.REJECTED,
)

OUTCOMES: Mapping[str, Word] = {
    Verdict.KEPT: Word("improved", "info", "An index was built and kept; the query is still beyond its limit."),
    Verdict.ROLLED_BACK: Word("tried, rolled back", "warn", "What was tried was taken back: the query is as before."),
    Verdict.INCONCLUSIVE: Word("tried, nothing proven", "warn", "What was tried had no effect that could be proven."),
    Verdict.FAILED: Word("tried, failed", "bad", "What was to be tried could not be made."),
    Verdict.NO_ADVICE: Word(
        "left alone: nothing helps", "quiet", "Looked at; no index that trimtab can propose helps."
    ),
    Verdict.REJECTED: Word("left alone: rejected", "quiet", "A person said no, or an approval expired."),
    Verdict.RECOVERED: Word("recovered", "ok", "It went by itself."),
}
"""What became of the case of a query that is slow still."""

KINDS: Mapping[str, Word] = {
    FindingKind.OBJECTIVE_BROKEN: Word("breaks its objective", "bad"),
    FindingKind.CARRIES_LOAD: Word("carries the load", "warn"),
    FindingKind.OBJECTIVE_BURNING: Word("burns its error budget", "bad"),
}

SEVERITIES: Mapping[str, Word] = {
    Severity.INFO: Word("info", "info"),
    Severity.WARNING: Word("warning", "warn"),
    Severity.CRITICAL: Word("critical", "bad"),
}

RISKS: Mapping[str, Word] = {
    Risk.LOW: Word("low risk", "ok"),
    Risk.MEDIUM: Word("medium risk", "warn"),
    Risk.HIGH: Word("high risk", "bad"),
}

AUTONOMIES: Mapping[str, Word] = {
    Autonomy.OBSERVE: Word("observe", "quiet", "Look and advise. Nothing is proposed for approval, nothing changes."),
    Autonomy.SUGGEST: Word("suggest", "info", "Propose. Nothing changes without a person's yes to that very change."),
    Autonomy.APPROVE: Word("approve", "info", "As suggest, and announce in the log what waits for a yes."),
    Autonomy.AUTO: Word("auto", "warn", "Make the change by itself where every guard and check passes."),
}

EVENTS: Mapping[str, Word] = {
    Event.PROPOSED: Word("proposed"),
    Event.APPROVED: Word("approved", "ok"),
    Event.APPROVAL_EXPIRED: Word("approval expired unused", "warn"),
    Event.APPROVAL_VOIDED: Word("approval void", "warn"),
    Event.REJECTED: Word("rejected"),
    Event.BLOCKED: Word("held back by a check", "warn"),
    Event.CHECKED: Word("checks passed", "ok"),
    Event.CHECKPOINTED: Word("undo written down"),
    Event.WITHDRAWN: Word("put back before anything was touched"),
    Event.APPLY_INTENDED: Word("build begins", "info"),
    Event.NOTED: Word("noted"),
    Event.ADOPTED: Word("running build taken over"),
    Event.APPLIED: Word("built", "info"),
    Event.ROLLBACK_INTENDED: Word("will be taken back", "warn"),
    Event.ROLLBACK_FAILED: Word("could not be taken back yet", "bad"),
    Event.UNDONE: Word("taken back", "warn"),
    Event.KEPT: Word("kept", "ok"),
    Event.FAILED: Word("failed", "bad"),
}

CHECKS: Mapping[str, str] = {
    "kill_switch": "Kill switch",
    "ledger_intact": "Ledger",
    "autonomy": "Permission to act",
    "content": "Content is what was proposed",
    "one_at_a_time": "One change at a time here",
    "changes_per_hour": "Changes in an hour",
    "earlier_tries": "What became of exactly this before",
    "cool_down": "Cool-down since the last change",
    "attempts": "Attempts so far",
    "retry_wait": "Wait before the next attempt",
    "frozen": "Frozen after rollbacks, or by a person",
    "change_window": "Change window",
    "window_time_left": "Time left in the window",
    "other_trimtab": "No other trimtab is changing it",
    "same_database": "Changes go to the watched database",
    "blast_radius_bytes": "Blast radius: size of the table",
    "blast_radius_rows": "Blast radius: rows of the table",
    "blast_radius_indexes": "Blast radius: indexes on the table",
    "blast_radius_calls": "Blast radius: share of all calls",
    "error_budget": "Error budget left",
    "baseline": "Baseline to judge by",
    "target": "Target can be read",
    "server_version": "Version builds correctly",
    "direct_connection": "No pooler in between",
    "server_writable": "Server takes writes",
    "table": "Table can be indexed",
    "privilege": "Privileges of the changing role",
    "statement": "Statement is on the allow-list",
    "name_free": "Name is free",
    "no_equal_index": "No equal index",
    "index_size": "Size of the index",
    "disk_free": "Free disk",
    "lock_conflicts": "Conflicting locks",
    "long_transactions": "Long transactions",
    "prepared_transactions": "Prepared transactions",
    "replication_slots": "Unused replication slots",
    "load": "Load of the server",
    "replica_lag": "Lag of replicas",
}

EVIDENCE: Mapping[str, str] = {
    "mean_exec_time_ms": "Mean execution time",
    "calls_per_s": "Calls",
    "load_share": "Share of all execution time",
    "limit_ms": "Limit that it is held to",
}


SYSTEM_STATES: Mapping[str, Word] = {
    "starting": Word("starting", "info", "The first look has not come yet."),
    "watching": Word("watching", "ok", "trimtab looks and sees what it needs."),
    "degraded": Word("degraded", "warn", "It is watched, but something is missing or refused."),
    "unreachable": Word("unreachable", "bad", "It does not answer; trimtab tries again."),
    "stopped": Word("stopped", "quiet", "Nobody looks any more."),
    "not_watched": Word("not watched", "quiet", "Known, but nobody looks."),
}
"""How the watch of a system is doing."""


def word(table: Mapping[str, Word], name: object) -> Word:
    """The word for a name; the name itself, quietly, where the table has none.

    >>> word(RISKS, "low").text, word(RISKS, "so_so").text
    ('low risk', 'so so')
    """
    text = str(name)
    return table.get(text) or Word(plain(text))


def title(table: Mapping[str, str], name: object) -> str:
    """The title for a name, made of the name where the table has none.

    >>> title(CHECKS, "load"), title(CHECKS, "blast_radius_tables")
    ('Load of the server', 'Blast radius tables')
    """
    return table.get(str(name)) or plain(str(name)).capitalize()


def plain(name: str) -> str:
    """A name from the code, readable.

    >>> plain("rolled_back")
    'rolled back'
    """
    return name.replace("_", " ")


def sentence(text: str | None) -> str:
    """A message as a sentence: it begins large and ends with a full stop. A name at its beginning stays as it is.

    >>> sentence("there is no case 7"), sentence("Why?"), sentence("watch.alpha is 9"), sentence(None)
    ('There is no case 7.', 'Why?', 'watch.alpha is 9.', '')
    """
    if not text:
        return ""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    is_name = any(mark in first.rstrip(".,:;") for mark in "._")
    begun = text if is_name else text[:1].upper() + text[1:]
    return begun + ("" if text.endswith((".", "!", "?", ":", "…")) else ".")
