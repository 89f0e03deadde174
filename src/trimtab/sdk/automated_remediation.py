"""`AutomatedRemediation`: one change through the whole loop, without a running server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trimtab.app.config import Config
from trimtab.app.remediate import Leaving, remediate
from trimtab.app.wire import open_service
from trimtab.model.change import Change, ChangeState, Proposal
from trimtab.model.query import SlowQuery
from trimtab.sdk.leaving import run_and_settle
from trimtab.sdk.query_optimizer import as_slow_query
from trimtab.sdk.results import RemediationResult
from trimtab.store.ledger import Event


class AutomatedRemediation:
    """Applies a proposal under guard, measures it, keeps it or takes it back.

    `dsn` watches, `change_dsn` changes: two roles, both references without passwords. `data_dir` keeps telemetry,
    state and ledger; without one they live in a temporary folder for the length of one call, and the ledger is gone
    after it. Calling `execute_safe_remediation` **is** the approval of that exact proposal.

    Ctrl-C takes back what is in flight before it leaves; a second one leaves at once. Whatever could not be settled
    then is named on stderr with the folder that holds its undo, and that folder stays, also a temporary one.
    """

    def __init__(
        self, dsn: str, change_dsn: str, *, data_dir: str | Path | None = None, config: Config | None = None
    ) -> None:
        self._dsn = dsn
        self._change_dsn = change_dsn
        self._data_dir = None if data_dir is None else Path(data_dir)
        self._config = config or Config()

    def execute_safe_remediation(
        self,
        issue: str | SlowQuery | Mapping[str, Any],
        remediation_action: Proposal,
        *,
        approved_by: str = "python",
        timeout_s: float = 7200.0,
    ) -> RemediationResult:
        """Run one change to its end and say how it ended; blocks for as long as baseline, build and watch take.

        `issue` is the slow query, `remediation_action` a Proposal (as `QueryOptimizer` gives it). After `timeout_s`
        a change that nothing has touched yet is withdrawn (`aborted`); one in flight is still brought to its end.
        """
        query = as_slow_query(0, issue)

        def work(data_dir: Path, leaving: Leaving) -> RemediationResult:
            return self._execute(data_dir, query, remediation_action, approved_by, timeout_s, leaving)

        return run_and_settle(self._data_dir, work)

    def _execute(
        self,
        data_dir: Path,
        query: SlowQuery,
        proposal: Proposal,
        approved_by: str,
        timeout_s: float,
        leaving: Leaving,
    ) -> RemediationResult:
        service = open_service(self._config, data_dir, "in-process")
        try:
            service.recover_and_watch()
            change = remediate(
                service,
                dsn=self._dsn,
                change_dsn=self._change_dsn,
                query=query,
                proposal=proposal,
                approved_by=approved_by,
                timeout_s=timeout_s,
                leaving=leaving,
            )
            undone = service.state.last_entry(change.id, (Event.UNDONE,)) is not None
        finally:
            service.close()
        return result_of(change, undone=undone)


STATUS_OF: dict[ChangeState, Any] = {
    ChangeState.KEPT: "success",
    ChangeState.ROLLED_BACK: "ineffective",
    ChangeState.INCONCLUSIVE: "ineffective",
    ChangeState.REJECTED: "aborted",
    ChangeState.FAILED: "error",
}


def result_of(change: Change, *, undone: bool) -> RemediationResult:
    """A change at its end as the seed's result; `undone` is what the ledger says about it."""
    return RemediationResult(
        status=STATUS_OF.get(change.state, "error"),
        reason=change.reason or "",
        rolled_back=undone and change.state is not ChangeState.REJECTED,
        effect=change.effect,
        change_id=change.id,
    )
