"""Covering variants: small columns added with INCLUDE so that the table need not be read."""

from __future__ import annotations

from dataclasses import replace

from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.candidates import Candidate
from trimtab.sql.conditions import TableUse


def covering(candidate: Candidate, use: TableUse, settings: AdviseSettings) -> Candidate | None:
    """The candidate with the rest of the read columns included; None where that would not be few, small and useful.

    An index alone answers only for pages that VACUUM has marked all-visible; on a table that is written all over the
    gain vanishes.
    """
    table = use.table
    if use.needs_heap or table.visible_share < settings.visible_share_min or not use.columns:
        return None
    if any(key.is_expression for key in candidate.definition.keys):
        return None
    missing = sorted(use.columns - {key.sql for key in candidate.definition.keys})
    if not missing or len(missing) > settings.include_columns_max:
        return None
    width_bytes = 0
    for name in missing:
        statistics = table.columns[name].statistics
        if statistics is None:
            return None
        width_bytes += statistics.average_width_bytes
    if width_bytes > settings.include_width_bytes_max:
        return None
    definition = replace(candidate.definition, include=tuple(missing))
    return replace(candidate, definition=definition, why=f"{candidate.why}, answered from the index alone")
