"""What a person's click would do, exactly: the statement, its locks and time-outs, the watch after it, the way back.

Nothing here touches anything. The texts are about what PostgreSQL documents for `CREATE INDEX CONCURRENTLY` and
`DROP INDEX CONCURRENTLY`; the numbers are those of the policy in force.
"""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.act.create_index import DROP_TIMEOUT_S, DROP_TRIES
from trimtab.model.change import Change, Proposal
from trimtab.model.errors import TrimtabError
from trimtab.model.policy import Policy
from trimtab.sql.index_ddl import create_statement, index_name

_NO_NAME = "trimtab_name_comes_with_the_change"


@dataclass(frozen=True, slots=True)
class Approval:
    """What a yes would set going.

    `statement` is exact where `is_exact`; before there is a change, the index has no name yet. Times in seconds;
    `watch_s_min` is the earliest moment of a verdict after the build, `watch_s_max` the latest.
    """

    statement: str
    is_exact: bool
    lock: str
    blocked: str
    build_s: float
    build_timeout_s: float
    lock_timeout_s: float
    watch_s_min: float
    watch_s_max: float
    deadline_s: float
    tolerance_ratio: float
    harm_ratio_max: float
    is_kept_when_undecided: bool
    valid_s: float
    content_hash: str


@dataclass(frozen=True, slots=True)
class WayBack:
    """How taking it back is done: the locks, and how long trimtab tries. Times in seconds."""

    lock: str
    lock_timeout_s: float
    drop_timeout_s: float
    tries_max: int


CREATE_LOCK = (
    "Lock: SHARE UPDATE EXCLUSIVE on the table; reading and writing go on. The build waits for transactions that are"
    " older than itself."
)
CREATE_BLOCKED = (
    "Other changes to the table (ALTER TABLE, VACUUM, ANALYZE, another index) wait until it is done. Writers pay for"
    " keeping the index from then on."
)
DROP_LOCK = (
    "Lock: SHARE UPDATE EXCLUSIVE on the table; reading and writing go on. It waits until no transaction uses the index"
    " any more; removing it then takes milliseconds."
)


def approval(proposal: Proposal, change: Change | None, policy: Policy) -> Approval:
    """What happens after a yes, under this policy."""
    limits, watch = policy.create_index, policy.watch
    return Approval(
        statement=statement_of(proposal, change),
        is_exact=change is not None,
        lock=CREATE_LOCK,
        blocked=CREATE_BLOCKED,
        build_s=proposal.build_time_s,
        build_timeout_s=limits.build_timeout_s,
        lock_timeout_s=limits.lock_timeout_s,
        watch_s_min=(watch.warm_up_slices + watch.batch_slices * watch.batches_min) * watch.slice_s,
        watch_s_max=(watch.warm_up_slices + watch.watch_slices_max) * watch.slice_s,
        deadline_s=watch.deadline_s,
        tolerance_ratio=watch.tolerance_ratio,
        harm_ratio_max=watch.harm_ratio_max,
        is_kept_when_undecided=watch.keep_when_inconclusive,
        valid_s=limits.approval_valid_s,
        content_hash=proposal.content_hash,
    )


def way_back(policy: Policy) -> WayBack:
    """What goes along with the statement that takes a change back."""
    return WayBack(
        lock=DROP_LOCK,
        lock_timeout_s=policy.create_index.lock_timeout_s,
        drop_timeout_s=DROP_TIMEOUT_S,
        tries_max=DROP_TRIES,
    )


def statement_of(proposal: Proposal, change: Change | None) -> str:
    """The DDL of a proposal. With a change, exactly what is run: the name of its index follows from its id."""
    if change is not None and change.undo is not None and isinstance(change.undo.get("statement"), str):
        return str(change.undo["statement"])
    try:
        if change is not None:
            return create_statement(proposal.index, index_name(proposal.index, change.id), concurrently=True)
        return create_statement(proposal.index, _NO_NAME, concurrently=True).replace(f" {_NO_NAME}", "", 1)
    except TrimtabError as error:  # then the check `statement` refuses it, too
        return f"-- this cannot be written as one statement: {error.message}"
