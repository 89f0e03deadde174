"""What a clone said about advice, and the record of predictions: as JSON and for people."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trimtab.advise.verify.answers import Measured, Verification
from trimtab.advise.verify.trying import SAME_PLAN
from trimtab.cli.client import default_data_dir
from trimtab.sql.index_ddl import create_statement, index_name
from trimtab.store.advice_record import RECORD_FILE, AdviceRecord

if TYPE_CHECKING:
    from trimtab.app.advising import Advised

SHOWN_MAX = 40


def record_of(data_dir: Path | None) -> AdviceRecord | None:
    """The record in the data directory that was named, or in the usual one where that is there already."""
    folder = data_dir or default_data_dir()
    named = data_dir is not None or bool(os.environ.get("TRIMTAB_DATA_DIR"))
    return AdviceRecord(folder / RECORD_FILE) if named or folder.is_dir() else None


def add_verification(document: dict[str, Any], found: Advised) -> dict[str, Any]:
    """The advice's JSON with what was measured: what was withdrawn is no longer among `indexes`."""
    document["notes"] = [*found.advice.notes, *found.record_notes]
    tried = found.verification
    if tried is None:
        return document
    gone = {one.definition: one for one in tried.withdrawn}
    pairs = list(zip(document["indexes"], found.advice.indexes, strict=True))
    built = {one.definition: one for one in tried.indexes}
    document["indexes"] = [
        row | {"measured_size_mb": round(built[one.definition].size_bytes / 1e6, 3)}
        for row, one in pairs
        if one.definition not in gone and one.definition in built
    ]
    document["withdrawn"] = [
        row
        | {
            "because_of": gone[one.definition].statement or None,
            "measured_ratio": gone[one.definition].ratio,
            "measured_interval_90": _ends(gone[one.definition].interval_90),
            "reason": gone[one.definition].reason,
        }
        for row, one in pairs
        if one.definition in gone
    ]
    document |= {"measured_ratio": tried.ratio, "measured_interval_90": _ends(tried.interval_90)}
    seen = {one.name: one for one in tried.statements}
    document["per_query"] = [row | _measured(seen.get(row["query"])) for row in document["per_query"]]
    document["verification"] = {
        "clone": tried.clone,
        "unit": tried.unit,
        "took_s": round(tried.took_s, 1),
        "not_tried": [{"query": name, "reason": reason} for name, reason in tried.not_tried],
        "statistics": [
            {
                "ddl": one.ddl,
                "helps": one.helps,
                "said": one.said,
                "per_query": [{"query": each.name} | _measured(each) for each in one.statements],
            }
            for one in tried.statistics
        ],
        "notes": list(tried.notes),
    }
    return document


def _measured(one: Measured | None) -> dict[str, Any]:
    if one is None:
        return {"measured_ratio": None, "measured_interval_90": None}
    return {
        "measured_ratio": one.ratio,
        "measured_interval_90": _ends(one.interval_90),
        "before_ms": one.before_ms,
        "after_ms": one.after_ms,
        "buffers_before": one.buffers_before,
        "buffers_after": one.buffers_after,
        "blocks": one.blocks,
        "note": one.note,
        "plan_agrees": one.plan_agrees,
    }


def _ends(interval: tuple[float, float]) -> list[float | None]:
    """JSON has no infinity: an end without a limit is null."""
    return [end if math.isfinite(end) else None for end in interval]


def verified_lines(found: Advised) -> list[str]:
    """The same for people."""
    lines = [""]
    if found.verification is not None:
        lines += _tried(found.verification, {one.name: one.predicted_ratio for one in found.advice.statements})
    lines += [f"  note: {note}" for note in found.record_notes]  # those of the advice stand with it
    return lines


def _tried(tried: Verification, predicted: dict[str, float]) -> list[str]:
    low, high = tried.interval_90
    lines = [
        f"tried on {tried.clone}: the workload takes {tried.ratio:.3g} of its time "
        f"(9 times in 10: {low:.2g} to {high:.2g}), measured as {tried.unit}"
    ]
    for gone in tried.withdrawn:
        statement = create_statement(gone.definition, index_name(gone.definition, "workload"), concurrently=True)
        lines.append(f"  withdrawn: {statement}; {gone.reason}")
    changed = [one for one in tried.statements if one.note != SAME_PLAN]
    for one in sorted(changed, key=lambda one: one.ratio)[:SHOWN_MAX]:
        least, most = one.interval_90
        said = f"; {one.note}" if one.note else ""
        buffers = ""
        if one.buffers_before is not None and one.buffers_after is not None:
            buffers = f", {one.buffers_before:,} to {one.buffers_after:,} pages"
        lines.append(
            f"  {one.name}: {one.ratio:.3g} ({least:.2g} to {most:.2g}), predicted {predicted.get(one.name, 1.0):.3g}; "
            f"{one.before_ms:,.3g} to {one.after_ms:,.3g} ms{buffers}{said}"
        )
    lines += [
        f"  statistics {'help' if one.helps else 'did not help'}: {one.ddl}; {one.said}" for one in tried.statistics
    ]
    lines += [f"  not tried: {name}: {reason}" for name, reason in tried.not_tried[:SHOWN_MAX]]
    lines += [f"  {note}" for note in tried.notes]
    return [*lines, ""]
