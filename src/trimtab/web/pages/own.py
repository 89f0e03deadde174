"""`/self`: trimtab about itself: its cost on watched servers, its stores, its numbers, its log, its spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from trimtab.app.own.catalogue import BY_NAME, Kind
from trimtab.web.pages.frame import Asked

LINES_MAX = 60
SPANS_MAX = 20


@dataclass(frozen=True, slots=True)
class OwnChart:
    """One chart of own numbers."""

    id: str
    title: str
    names: tuple[str, ...]
    kind: str = "line"

    @property
    def keys(self) -> list[str]:
        """Series keys."""
        return [f"self/{name}" for name in self.names]

    @property
    def unit(self) -> str:
        """The unit of the first number; all of a chart have the same. Counters are drawn as their rate."""
        metric = BY_NAME[self.names[0]]
        return f"{metric.unit}/s" if metric.kind is Kind.COUNTER else metric.unit

    @property
    def note(self) -> str:
        """What the first number is."""
        return BY_NAME[self.names[0]].help


CHARTS: Sequence[OwnChart] = (
    OwnChart("own-cost", "Cost on watched servers", ("trimtab_watch_cost_ratio",)),
    OwnChart("own-age", "Time since the last look", ("trimtab_watch_age_seconds",)),
    OwnChart("own-steps", "Steps of the loop", ("trimtab_loop_step_seconds",)),
    OwnChart("own-lines", "Lines of its log", ("trimtab_own_log_lines_total",)),
    OwnChart("own-spool", "Spool", ("trimtab_spool_bytes",)),
    OwnChart("own-spool-age", "Oldest telemetry in the spool", ("trimtab_spool_age_seconds",)),
    OwnChart("own-cpu", "Processor time of trimtab", ("process_cpu_seconds_total",)),
    OwnChart("own-memory", "Memory of trimtab", ("process_resident_memory_bytes",)),
)


def own(asked: Asked) -> Response:
    """The page."""
    service = asked.service
    status = service.status()
    story = service.read.own()
    context: Mapping[str, object] = {
        "title": "trimtab itself",
        "charts": True,
        "status": status,
        "telemetry": status["telemetry"],
        "numbers": story.numbers,
        "log_lines": story.log_lines[:LINES_MAX],
        "spans": story.spans[:SPANS_MAX],
        "own_charts": CHARTS,
    }
    return asked.page("self.html", "self", context, fragments=("health", "log"))
