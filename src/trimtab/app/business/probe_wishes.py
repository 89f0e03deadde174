"""Reads `good:` of a probe: what is wanted of its value, in a short form that fits its kind."""

from __future__ import annotations

from trimtab.analyze.slo.document import Part
from trimtab.analyze.slo.quantities import ShortForm, short_form
from trimtab.model.objectives import Comparison
from trimtab.model.probes import RATIO_KINDS, ProbeKind, Wanted

_EXAMPLES: dict[ProbeKind, tuple[str, Comparison]] = {
    ProbeKind.FRESHNESS: ("'< 5m'", Comparison.AT_MOST),
    ProbeKind.VOLUME: ("'>= 1000'", Comparison.AT_LEAST),
    **dict.fromkeys(RATIO_KINDS, ("'<= 0.1%'", Comparison.AT_MOST)),
    ProbeKind.SQL: ("'>= 1000', '<= 0.1%' or '< 5m'", Comparison.AT_LEAST),
}
"""How a probe of a kind is compared, and what is meant most often where somebody writes a number alone."""


def wanted_in(part: Part, kind: ProbeKind) -> Wanted | None:
    """What is wanted; None where nothing is, or where it is wrong, which is written down."""
    text = part.text("good")
    if not text:
        return None
    form = _form(text)
    if form is None or not _fits(form, kind):
        example, meant = _EXAMPLES[kind]
        guess = f"{meant.value} {text}"
        told = f"; did you mean '{guess}'?" if form is None and _form(guess) is not None else ""
        told = f"good: a probe of {kind.value} is compared as in {example}, found {text!r}{told}"
    elif kind in RATIO_KINDS and form.threshold > 1:
        told = f"good: a share lies between 0 and 1, found {form.threshold:g}"
    else:
        return Wanted(form.comparison, form.threshold)
    part.wrong(told, "good", at_value=True)
    return None


def _fits(form: ShortForm, kind: ProbeKind) -> bool:
    """Whether values of a kind can be compared so. Nobody wants rows to be old."""
    if form.quantile is not None or form.out_of is not None:
        return False
    if kind is ProbeKind.FRESHNESS:
        return form.unit in ("s", "") and form.is_good_below
    return form.unit == "" or kind is ProbeKind.SQL or (form.unit == "ratio" and kind in RATIO_KINDS)


def _form(text: str) -> ShortForm | None:
    try:
        return short_form(text)
    except ValueError:
        return None
