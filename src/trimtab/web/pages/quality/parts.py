"""What the pages of data quality share: tabs and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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

MISSING = ("refused", "failed")
"""Those of them in which there is no number."""

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
    Tab("satisfaction", "User satisfaction", "/quality/satisfaction"),
)
