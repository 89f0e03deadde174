"""Why there is no proposal, in plain words with the numbers."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.advise.index.advice import AdviseSettings, Considered
from trimtab.advise.index.candidates import asked_of, definition_of, key_lists
from trimtab.advise.index.choice import why_not
from trimtab.advise.index.plans import cost
from trimtab.advise.index.pricing import Priced
from trimtab.advise.index.what_if import BudgetSpent, WhatIf
from trimtab.sql.catalog import Catalog
from trimtab.sql.conditions import TableUse
from trimtab.sql.index_ddl import readable

TOGETHER_MAX = 0.5
"""Two indexes are only worth a word when they bring the cost below this share."""


def reason(
    uses: Sequence[TableUse],
    catalog: Catalog,
    priced: Sequence[Priced],
    refused: Sequence[Considered],
    notes: Sequence[str],
    settings: AdviseSettings,
    prices: WhatIf,
) -> str:
    """One paragraph: what was tried, the best of it, and what stands in the way."""
    said: list[str] = []
    if not uses:
        said.append("The statement reads no table on which an index could be proposed")
    elif not priced:
        said.append(_nothing_priced(refused))
    else:
        best = min(priced, key=lambda p: (not p.price.is_used, p.prediction.after_ms))
        count = f"{len(priced)} candidate{'s were' if len(priced) > 1 else ' was'} priced"
        if not best.price.is_used:
            said.append(f"{count}; the planner uses none of them")
        else:
            said.append(
                f"{count}; the best, {readable(best.candidate.definition)}, would take a call from "
                f"{best.prediction.before_ms:.3g} to {best.prediction.after_ms:.3g} ms: {why_not(best, settings)}"
            )
    together = _arms_together(uses, catalog, prices) if uses else None
    said += [together] if together else []
    said += notes
    return ". ".join(part.rstrip(".") for part in said) + "."


def _nothing_priced(refused: Sequence[Considered]) -> str:
    if not refused:
        return "No condition, join or order that a B-tree could serve"
    first = refused[0]
    return f"Nothing new to build: {readable(first.index)}: {first.outcome}"


def _arms_together(uses: Sequence[TableUse], catalog: Catalog, prices: WhatIf) -> str | None:
    """Whether one index for each arm of an OR would help where one alone cannot."""
    place = prices.telling_places(1)[0]
    before = cost(prices.baseline[place])
    for use in uses:
        asked = asked_of(use, catalog)
        for number in {number for number, _ in asked.arms}:
            arms = [arm for (n, _), arm in asked.arms.items() if n == number]
            lists = [next(key_lists(arm), None) for arm in arms]
            made = [definition_of(use.table, found[0]) for found in lists if found is not None]
            definitions = [definition for definition in dict.fromkeys(made) if definition is not None]
            if len(definitions) < 2:
                continue
            try:
                after = prices.price_together(definitions, place)
            except BudgetSpent:
                return None
            if after < TOGETHER_MAX * before:
                names = " and ".join(readable(definition) for definition in definitions)
                return f"Only together would {names} help: cost {before:.6g} -> {after:.6g}; one is proposed at a time"
    return None
