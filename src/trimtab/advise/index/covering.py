"""Covering variants: small columns added with INCLUDE so that the table need not be read."""

from __future__ import annotations

from dataclasses import replace

from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.candidates import Candidate
from trimtab.sql.conditions import TableUse


def covering(candidate: Candidate, use: TableUse, settings: AdviseSettings) -> list[Candidate]:
    """The candidate with the rest of the read columns included, where that is few, small and useful; simplest first.

    What a partial index's own predicate says needs no column: a variant leaves those columns out, which is as good
    where they are read for nothing else. An index alone answers only for pages that VACUUM has marked all-visible; on
    a table that is written all over the gain vanishes.
    """
    table = use.table
    if use.needs_heap or table.visible_share < settings.visible_share_min or not use.columns:
        return []
    if any(key.is_expression for key in candidate.definition.keys):
        return []
    missing = use.columns - {key.sql for key in candidate.definition.keys}
    said = {name for c in use.conditions if c.predicate in candidate.constants for name in c.term.columns}
    why = f"{candidate.why}, answered from the index alone"
    return [
        replace(candidate, definition=replace(candidate.definition, include=tuple(sorted(names))), why=why)
        for names in ([missing - said] if missing & said else []) + [missing]
        if _fits(names, use, settings)
    ]


def _fits(names: set[str], use: TableUse, settings: AdviseSettings) -> bool:
    known = [use.table.columns[name].statistics for name in names]
    width_bytes = sum(one.average_width_bytes for one in known if one is not None)
    return (
        0 < len(names) <= settings.include_columns_max
        and all(one is not None for one in known)
        and width_bytes <= settings.include_width_bytes_max
    )
