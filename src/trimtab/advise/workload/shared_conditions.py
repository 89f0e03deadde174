"""Conditions that every execution of a shape has in common, and how many rows fulfil them together."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.partial import Constant, constants_of, groups_of
from trimtab.advise.index.predicate_share import sample_shares
from trimtab.advise.index.session import Connection
from trimtab.sql.catalog import Catalog

if TYPE_CHECKING:
    from trimtab.advise.workload.shapes import Shape

Constants = Mapping[tuple[str, int], tuple[Constant, ...]]
"""By (shape_id, oid of the table)."""

Shares = Mapping[tuple[int, frozenset[str]], float]
"""Of a table's rows, by its oid and the conditions that they fulfil."""

SAMPLES_MAX = 60


def shared_conditions(
    connection: Connection, catalog: Catalog, shapes: Sequence[Shape], settings: AdviseSettings, until: float
) -> tuple[Constants, Shares]:
    """What partial indexes may rest on. Shares that statistics do not tell are counted on samples, until a moment of
    the monotonic clock; shapes come in the order in which they matter."""
    shares: dict[tuple[int, frozenset[str]], float] = {}
    found: dict[tuple[str, int], tuple[Constant, ...]] = {}
    samples_count = 0
    for (shape_id, oid), own in _constants(shapes, settings).items():
        table = catalog.tables[oid]
        wanted = [frozenset(one.predicate for one in group) for group in groups_of(own)]
        wanted = [group for group in wanted if (oid, group) not in shares]
        is_needed = wanted and settings.partial_shares_counted and (len(own) > 1 or any(one.is_guessed for one in own))
        can_be = table.readable and table.kind in ("r", "m")  # nobody knows the pages of a partitioned one
        if is_needed and can_be and samples_count < SAMPLES_MAX and time.monotonic() < until:
            samples_count += 1
            said = [" AND ".join(f"({one})" for one in sorted(group)) for group in wanted]
            counted = sample_shares(connection, table, said) or []
            shares |= {(oid, group): share for group, share in zip(wanted, counted, strict=False)}
        known = [replace(one, rows_share=shares.get((oid, frozenset([one.predicate])), one.rows_share)) for one in own]
        found[shape_id, oid] = tuple(
            one
            for one in known
            if not one.is_guessed or one.is_exclusion or one.rows_share <= settings.partial_structural_share_max
        )
    return found, shares


def _constants(shapes: Sequence[Shape], settings: AdviseSettings) -> dict[tuple[str, int], tuple[Constant, ...]]:
    """Conditions that all statements of a shape share, by table; of tables that each uses once."""
    by_shape: dict[str, list[Shape]] = {}
    for shape in shapes:
        by_shape.setdefault(shape.shape_id, []).append(shape)
    found: dict[tuple[str, int], tuple[Constant, ...]] = {}
    for shape_id, same in by_shape.items():
        for table in {use.table.oid for use in same[0].analysis.uses}:
            uses = [[use for use in one.analysis.uses if use.table.oid == table] for one in same]
            if all(len(each) == 1 for each in uses):
                made = constants_of([each[0] for each in uses], settings, literals_are_constant=True)
                if made:
                    found[shape_id, table] = made
    return found
