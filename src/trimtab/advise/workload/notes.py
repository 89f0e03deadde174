"""What is said beside the advice: what could help and is not advised, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trimtab.advise.workload.inverted import wants_trigrams
from trimtab.advise.workload.shapes import Workload


def notes_of(workload: Workload) -> tuple[str, ...]:
    """Of the statements, as they are written."""
    hidden = [
        f"{shape.name}: an expression on {relation} holds a parameter, which no index can be built on; a statement "
        "with its value in place of it can be advised on"
        for shape in workload.shapes
        for relation in shape.analysis.hidden
    ]
    return (*hidden, *_partitioned_note(workload), *_trigram_note(workload))


def stuck_notes(names: Sequence[str], stuck: Mapping[int, str]) -> tuple[str, ...]:
    """Of the statements that the server would not plan any more (`names` and `stuck` by place of the text)."""
    reasons = {names[place]: reason for place, reason in stuck.items()}
    return tuple(f"{name}: not every index could be priced for it: {why}" for name, why in reasons.items())


def _partitioned_note(workload: Workload) -> tuple[str, ...]:
    found = {
        use.table.relation
        for shape in workload.shapes
        for use in shape.analysis.uses
        if use.table.kind == "p" and (use.conditions or use.sorts)
    }
    if not found:
        return ()
    said = "partitioned, and nothing can be built concurrently on all partitions at once: no index on it is advised; "
    return (f"{', '.join(sorted(found))}: {said}statements on one partition by its name can be advised on",)


def _trigram_note(workload: Workload) -> tuple[str, ...]:
    wanted = {
        use.table.relation
        for shape in workload.shapes
        for use in shape.analysis.uses
        if workload.trigram_schema is None and wants_trigrams(shape.with_values(use))
    }
    if not wanted:
        return ()
    said = "patterns in the middle of a text can be served by an index once the extension pg_trgm is there"
    return (f"{', '.join(sorted(wanted))}: {said}",)
