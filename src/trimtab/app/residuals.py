"""The record of predictions: how far off they were, from the ledger."""

from __future__ import annotations

import math

from trimtab.store.state import State

CHANGES_MAX = 1000


def log_residuals(state: State) -> tuple[float, ...]:
    """log(measured ÷ predicted) of every change that was measured, newest first; 0 is a perfect prediction."""
    return tuple(
        math.log(change.effect.ratio / change.proposal.predicted_ratio)
        for change in state.changes(alive=False, limit=CHANGES_MAX)
        if change.effect is not None and change.proposal.predicted_ratio > 0 and change.effect.ratio > 0
    )
