"""What became of the last time that everything was put into a Grafana: whoever asks how it stands has to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from trimtab.app.dashboards.pushing import PushReport
from trimtab.extend.dashboards import PushOutcome
from trimtab.model.change_window import moment
from trimtab.model.errors import TrimtabError
from trimtab.store.state import State

META = "grafana_push"
TOLD_MAX = 3


class LastPush(msgspec.Struct, frozen=True):
    """How many things were to be put there, and what of it failed (all of it, where nothing could be begun)."""

    url: str
    at_ms: int
    count: int
    failed: Sequence[str]

    @property
    def told(self) -> str:
        """In words.

        >>> LastPush("http://grafana", 0, 9, ["folder trimtab: no"]).told
        'Thu 1970-01-01 00:00 UTC: 1 of 9 things failed: folder trimtab: no'
        """
        what = f"{len(self.failed)} of {self.count} things failed" if self.failed else f"{self.count} things are there"
        some = "; ".join(self.failed[:TOLD_MAX])
        return f"{moment(self.at_ms)}: {what}{f': {some}' if some else ''}"


def last_push(state: State, url: str) -> LastPush | None:
    """The last one to this Grafana; None where there was none."""
    text = state.meta(META)
    if text is None:
        return None
    found = msgspec.json.decode(text, type=LastPush)
    return found if found.url == url else None


def kept_push(state: State, url: str, at_ms: int, work: Callable[[], PushReport]) -> PushReport:
    """Put it there, and write down what became of it, also where it could not begin."""
    try:
        report = work()
    except TrimtabError as error:
        if url:
            _keep(state, LastPush(url, at_ms, 1, [error.message]))
        raise
    failed = [f"{one.kind} {one.name}: {one.why}" for one in report.items if one.outcome is PushOutcome.FAILED]
    _keep(state, LastPush(report.url, at_ms, len(report.items), failed))
    return report


def _keep(state: State, last: LastPush) -> None:
    state.set_meta(META, msgspec.json.encode(last).decode())
