"""The demo in a terminal: faults as the application feels them, cases, the newest ledger lines."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from demo.faults.fault import Fault
from demo.outcome import effect_of, fault_of, proposal_of
from demo.show.view import Json, Suffering, View, ms_text, processor_text, ratio_text, state_of

LEDGER_LINES = 8
STYLES = {
    "kept": "green",
    "rolled_back": "magenta",
    "no_advice": "cyan",
    "failed": "red",
    "inconclusive": "yellow",
    "watching": "blue",
    "applying": "blue",
}


class LiveScreen:
    """A rich display that is redrawn once a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def say(self, text: str) -> None:
        """A line above the display."""
        self._console.print(Text(text))

    def show(self, view: View) -> None:
        """Redraw."""
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
            self._live.start()
        self._live.update(_page(view), refresh=True)

    def close(self) -> None:
        """Stop redrawing; the last picture stays."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def _page(view: View) -> Group:
    head = Text(view.title, "bold")
    load = f"{view.elapsed_s:.0f} s · {view.calls_per_s:.0f} statements/s · {view.errors_count} failed lately"
    load += f" · {processor_text(view.processor)}"
    parts: list[RenderableType] = [
        head,
        Text(load, "dim"),
        _faults(view.sufferings),
        _cases(view.cases, tuple(suffering.fault for suffering in view.sufferings)),
        _ledger(view.ledger),
    ]
    return Group(*parts, *(Text(note, "yellow") for note in view.notes))


def _table(title: str, **columns: int) -> Table:
    """A table with columns of a fixed width; those of width 0 share what is left."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="dim", expand=True)
    for name, width in columns.items():
        heading = name.replace("_", " ")
        table.add_column(heading, overflow="ellipsis", no_wrap=True, width=width or None, ratio=None if width else 1)
    return table


def _faults(sufferings: tuple[Suffering, ...]) -> Table:
    table = _table("\nWhat the application feels (last 15 s)", fault=38, statement=0, p95_at_first=12, p95_now=9)
    for s in sufferings:
        eased = s.p95_ms is not None and s.p95_start_ms is not None and s.p95_ms < s.p95_start_ms / 5
        worse = s.p95_ms is not None and s.p95_start_ms is not None and s.p95_ms > s.p95_start_ms * 1.8
        style = "green" if eased else "red" if worse else ""
        now = Text(ms_text(s.p95_ms), style)
        table.add_row(s.fault.name, s.fault.statement.name, ms_text(s.p95_start_ms), now)
    return table


def _cases(cases: list[Json], faults: tuple[Fault, ...]) -> Table:
    table = _table("\nCases", no=3, statement=22, state=12, predicted=10, measured=24, p95=17, change=0)
    for case in cases:
        proposal, effect, state = proposal_of(case), effect_of(case), state_of(case)
        fault = fault_of(case, faults)
        p95 = f"{ms_text(effect.get('p95_before_ms'))} → {ms_text(effect.get('p95_after_ms'))}" if effect else "-"
        table.add_row(
            str(case["id"]),
            Text(str(case["query_text"]) if fault is None else fault.statement.name),
            Text(state, STYLES.get(state, "")),
            ratio_text(proposal.get("predicted_ratio")),
            ratio_text(effect.get("ratio"), effect.get("interval_90")),
            p95,
            Text(str(proposal.get("summary", "-")).removeprefix("Create an index on public.")),
        )
    return table


def _ledger(entries: list[Json]) -> Table:
    table = _table("\nLedger, newest last", seq=5, case=5, state=14, event=0)
    for entry in entries[-LEDGER_LINES:]:
        state = str(entry["state"])
        table.add_row(str(entry["seq"]), str(entry["case_id"]), Text(state, STYLES.get(state, "")), str(entry["event"]))
    return table
