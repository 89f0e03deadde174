"""The record of predictions of a running server: what the ledger measured goes in, and corrects what is asked next."""

from __future__ import annotations

from dataclasses import replace

import structlog

from trimtab.advise.index.advice import Advice
from trimtab.advise.record.correcting import Corrections, corrected_proposals
from trimtab.advise.record.kinds import kind_of_definition
from trimtab.model.change import Change, Proposal
from trimtab.model.errors import StoreError
from trimtab.model.estimates import Estimate
from trimtab.sql.index_ddl import readable
from trimtab.store.advice_record import RECORD_FILE, AdviceRecord
from trimtab.store.state import State

CHANGES_MAX = 1_000

log = structlog.get_logger()


class RecordKeeper:
    """The record beside a state. A record that cannot be read or written stops no advice: it is said in the log."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.record = AdviceRecord(state.database.path.with_name(RECORD_FILE))
        self._in_it: set[str] = set()

    def corrections(self) -> Corrections:
        """What was measured so far, changes that ended meanwhile among it."""
        try:
            self.take_in()
            return Corrections(self.record.measured())
        except StoreError as error:
            log.warning("advice_record", problem=error.message)
            return Corrections()

    def corrected(self, advice: Advice, at_ms: int) -> Advice:
        """Advice on one query as the record would have it; what it predicts is kept."""
        proposals, estimates = corrected_proposals(advice.proposals, self.corrections(), at_ms)
        try:
            self.record.keep(estimates)
        except StoreError as error:
            log.warning("advice_record", problem=error.message)
        return replace(advice, proposals=proposals)

    def measured_on_clone(
        self, proposal: Proposal, ratio: float, interval_90: tuple[float, float], outcome: str, at_ms: int
    ) -> None:
        """Write down what a clone said of a proposal of this moment. The watch may measure it again, on the system."""
        said = readable(proposal.index)
        try:
            earlier = self.record.of_query(proposal.system, proposal.fingerprint)
            made = next((one for one in earlier if one.change == said and one.at_ms == at_ms), None)
            if made is not None:
                seen = replace(
                    made,
                    key=f"clone/{made.key}",
                    measured_ratio=ratio,
                    measured_interval_90=interval_90,
                    measured_at_ms=at_ms,
                    measured_by="clone",
                    outcome=outcome,
                )
                self.record.keep([seen])
        except StoreError as error:
            log.warning("advice_record", problem=error.message)

    def take_in(self) -> None:
        """Write down what was measured of changes that have ended, each once."""
        ended = [
            change
            for change in self._state.changes(alive=False, limit=CHANGES_MAX)
            if change.id not in self._in_it and change.effect is not None and change.effect.ratio > 0
        ]
        self.record.keep([self._estimate(change) for change in ended])
        self._in_it.update(change.id for change in ended)

    def _estimate(self, change: Change) -> Estimate:
        """The estimate that a change was proposed by, with what its watch measured."""
        proposal, effect = change.proposal, change.effect
        earlier = self.record.of_query(change.system, proposal.fingerprint)
        said = readable(proposal.index)
        made = next(
            (
                one
                for one in earlier
                if one.change == said[: len(one.change)]
                and one.at_ms <= change.created_at_ms
                and one.predicted_ratio == proposal.predicted_ratio
            ),
            None,
        ) or Estimate(
            f"change/{change.id}",
            change.created_at_ms,
            change.system,
            proposal.fingerprint,
            kind_of_definition(proposal.index),
            said,
            proposal.predicted_ratio,
            proposal.predicted_ratio,
            proposal.predicted_interval_90,
        )
        return replace(
            made,
            measured_ratio=None if effect is None else effect.ratio,
            measured_interval_90=None if effect is None else effect.interval_90,
            measured_at_ms=change.finished_at_ms or change.updated_at_ms,
            measured_by="watch",
            outcome=change.state.value,
        )
