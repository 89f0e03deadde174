"""Rewrites of a workload's statements with their certificates: as JSON and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trimtab.advise.rewrite.certify import NO_PRIVATE, NOT_ASKED
from trimtab.advise.rewrite.model import Check, Outcome
from trimtab.advise.rewrite.written import in_lines

if TYPE_CHECKING:
    from trimtab.advise.rewrite.together import StatementForms
    from trimtab.app.advising_rewrites import AdvisedTogether

SHOWN_MAX = 20
HOW = "to have them compared and measured: --run-rewrites --private DSN|make"


def add_rewrites(document: dict[str, Any], found: AdvisedTogether) -> dict[str, Any]:
    """The advice's JSON with rewrites: those that are advised, and those that are only possible."""
    document["rewrites"] = [_row(one) for one in found.together.forms]
    document["rewrites_left"] = [{"query": one.name, "reason": one.reason} for one in found.together.refused]
    document["planner_ratio_with_rewrites"] = found.cost_ratio
    return document


def rewrite_lines(found: AdvisedTogether) -> list[str]:
    """For people: advised ones whole, possible ones in a line each."""
    forms = found.together.forms
    advised = [one for one in forms if one.is_advised]
    others = [one for one in forms if not one.is_advised]
    lines: list[str] = []
    if advised:
        count = "1 rewrite is" if len(advised) == 1 else f"{len(advised)} rewrites are"
        lines += ["", f"{count} advised; the indexes above are for the statements so written:"]
    for one in advised:
        lines += ["", *_whole(one)]
    if found.cost_ratio is not None:
        lines += ["", f"rewrites and indexes together: {found.cost_ratio:.3g} of today's cost by the planner"]
    if others:
        count = "1 other form is" if len(others) == 1 else f"{len(others)} other forms are"
        beside = ", as things are or with the indexes above" if found.advised.advice.indexes else ""
        lines += ["", f"{count} cheaper by the planner's estimate{beside}, and not advised:"]
    for one in others[:SHOWN_MAX]:
        lines.append(f"  {one.name}: {' + '.join(one.found.rewrite.rules)}; {_costs(one)}: {_why_not(one)}")
    if len(others) > SHOWN_MAX:
        lines.append(f"  and {len(others) - SHOWN_MAX} more: --format json has them")
    if any(check.why in (NOT_ASKED, NO_PRIVATE) for one in others for check in one.found.certificate.checks):
        lines.append(f"  {HOW}")
    return [*lines, *(f"  {note}" for note in found.together.notes)]


def _whole(one: StatementForms) -> list[str]:
    certificate = one.found.certificate
    written = in_lines(one.found.rewrite.rewritten).splitlines()
    lines = [f"  {one.name}: {' + '.join(one.found.rewrite.rules)}", *(f"      {line}" for line in written)]
    lines[-1] += ";"
    if (measured := certificate.measured) is not None:
        low, high = measured.interval_90
        unit = "processor time" if measured.unit == "cpu" else "time"
        cut = "; the original did not end, so it is less still" if measured.original_is_cut else ""
        lines.append(
            f"    {unit} {measured.ratio:.2g} of today's (9 times in 10: {low:.2g} to {high:.2g}), "
            f"{measured.before_ms:,.1f} to {measured.after_ms:,.1f} ms, {measured.repetitions} runs in turn{cut}"
        )
    lines.append(f"    {_costs(one)}")
    lines += [f"    {_said(check)}" for check in certificate.checks]
    lines += [f"    rests on: {fact}" for fact in certificate.proof]
    return [*lines, *(f"    note: {note}" for note in certificate.notes)]


def _said(check: Check) -> str:
    seed = f", seed {check.seed}" if check.seed is not None else ""
    if check.outcome is Outcome.NOT_POSSIBLE:
        return f"{check.data.value}{seed}: not compared, {check.why}"
    why = f" ({check.why})" if check.why else ""
    return f"{check.data.value}{seed}: {check.outcome.value} {check.compared} of {check.rows:,} rows{why}"


def _costs(one: StatementForms) -> str:
    """What the planner says of both forms: as things are, and with the indexes there for both."""
    costs = one.costs
    now, beside = costs.rewritten / costs.original, costs.rewritten_indexed / costs.original_indexed
    said = f"estimated to cost {now:.2g} times what the statement costs as it is written"
    if f"{now:.2g}" == f"{beside:.2g}":
        return said
    return f"{said}, without the indexes above; where both forms have them, {beside:.2g} times"


def _why_not(one: StatementForms) -> str:
    return one.found.certificate.why_not or "with the indexes it gains nothing"


def _row(one: StatementForms) -> dict[str, Any]:
    return {
        "query": one.name,
        "advised": one.is_advised,
        "rules": list(one.found.rewrite.rules),
        "rewritten": one.found.rewrite.rewritten,
        "certificate": dict(one.found.certificate.document()),
        "costs": {
            "original": one.costs.original,
            "rewritten": one.costs.rewritten,
            "original_with_indexes": one.costs.original_indexed,
            "rewritten_with_indexes": one.costs.rewritten_indexed,
        },
        "why_not": "" if one.is_advised else _why_not(one),
    }
