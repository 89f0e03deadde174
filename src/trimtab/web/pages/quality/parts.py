"""What the pages of data quality share: tabs, words, how a value is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.app.business.answers.quality import ProbeRow
from trimtab.model.readable import digits_of
from trimtab.web.format import duration_text, percent_text
from trimtab.web.words import Word

STATES: Mapping[str, Word] = {
    "bad": Word("not as wanted", "bad", "It was measured, and is not as wanted."),
    "refused": Word("refused", "bad", "It cannot run as it stands: the probe, a right or the table has to change."),
    "failed": Word("not measured", "warn", "The last run came to no number; the next one may."),
    "stale": Word("out of date", "warn", "The last result is so old that it does not count any more."),
    "waiting": Word("not yet", "quiet", "It has not run yet."),
    "good": Word("as wanted", "ok", "It was measured, and is as wanted."),
    "measured": Word("measured", "info", "A number, about which nothing is wanted."),
}
"""How a probe stands, worst first."""

RUN_STATES: Mapping[str, Word] = {
    "success": Word("success", "ok"),
    "failed": Word("failed", "bad"),
    "aborted": Word("aborted", "warn"),
    "running": Word("running", "live"),
}


@dataclass(frozen=True, slots=True)
class Tab:
    """One of the tabs."""

    key: str
    label: str
    href: str


TABS = (
    Tab("quality", "Data quality", "/quality"),
    Tab("pipelines", "Pipelines", "/quality/pipelines"),
    Tab("cost", "Cost", "/quality/cost"),
)


def shown(row: ProbeRow, value: float | None) -> str:
    """A value of a probe in words; '' where there is none.

    >>> from types import SimpleNamespace as Row
    >>> [shown(Row(unit=unit), 0.25) for unit in ("s", "ratio", "pieces")], shown(Row(unit="s"), None)
    (['250 ms', '25 %', '0.25 pieces'], '')
    """
    if value is None:
        return ""
    if row.unit == "s":
        return duration_text(value * 1000)
    if row.unit == "ratio":
        return percent_text(value)
    return f"{value:,.0f} {row.unit}".strip() if value == int(value) else f"{digits_of(value)} {row.unit}".strip()


def wanted(row: ProbeRow) -> str:
    """What is wanted of it, in its unit.

    >>> from types import SimpleNamespace as Row
    >>> wanted(Row(wanted="< 300", unit="s")), wanted(Row(wanted="", unit="s"))
    ('< 5 min', '')
    """
    if not row.wanted:
        return ""
    sign, _, number = row.wanted.partition(" ")
    return f"{sign} {shown(row, float(number))}"
