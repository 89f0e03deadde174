"""Every page and every state of it, by name: what the tests look at, what is photographed, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.browser.servers import DayServer


@dataclass(frozen=True)
class Place:
    """A page of the server with a day of data. `path` names cases by how they stand; `about` is one sentence."""

    name: str
    path: str
    about: str
    status: int = 200

    def address(self, day: DayServer) -> str:
        """Its path there."""
        named: Mapping[str, object] = {
            **day.cases,
            "shape": day.shape,
            "rolled_back_shape": day.rolled_back_shape,
            "start_ms": day.start_ms,
            "end_ms": day.end_ms,
            "log_record": day.log_record,
            "big_trace": day.traces.big_path,
            "failed_trace": day.traces.failed_path,
            "traced": f"from={day.traces.from_ms}&to={day.traces.to_ms}",
        }
        return self.path.format(**named)


PLACES: tuple[Place, ...] = (
    Place(
        "overview",
        "/",
        "Systems, what is wrong, what needs a yes, what is in flight, and what the last changes really did.",
    ),
    Place("alerts", "/alerts", "What fires now, the worst first, to whom it is told, and what is kept quiet and why."),
    Place("alerts-history", "/alerts?tab=history", "Every alert that fired: searched by words, severity and time."),
    Place("alert", "/alerts/120", "One alert that fired: what was wrong, for how long, and how often before."),
    Place(
        "alerts-silences",
        "/alerts?tab=silences&matchers=service%3D%22checkout%22&comment=We+know%3A+the+payment+provider+is+slow.",
        "A silence is made for everywhere at once; what it keeps quiet is shown before.",
    ),
    Place("alerts-told", "/alerts?tab=told", "Who is told, what was delivered, confirmed and lost, and what waits."),
    Place(
        "objectives", "/objectives", "What was promised: error budget left, burn rate, when it ends, the worst first."
    ),
    Place(
        "objective",
        "/objectives/checkout-answers",
        "One objective: how its budget was spent, its burn rules, when they would fire, and what does not count.",
    ),
    Place(
        "objective-value", "/objectives/exports-in-time", "An objective on a value: minutes in which it was as wanted."
    ),
    Place("objective-unmeasured", "/objectives/partner-is-there", "An objective of which nothing is known."),
    Place(
        "queries",
        "/queries?from=now-24h&to=now",
        "Every query shape that ran, here ten thousand; sorted and searched by the server.",
    ),
    Place(
        "query",
        "/queries/shop/{rolled_back_shape}?from={start_ms}&to={end_ms}",
        "One query: latency, load, calls, rows and blocks with changes marked, its plans, its executions.",
    ),
    Place(
        "explore",
        "/explore?q=sum+by+(job)+(rate(requests_total[5m]))&q=temperature",
        "Metrics: PromQL with completion, each query with its chart and its table, all on one range.",
    ),
    Place("explore-begin", "/explore", "Queries to begin with, made from the metrics that are there."),
    Place(
        "explore-error",
        "/explore?q=sum(rate(requests_total[5m])&q=up[1m]",
        "A query that is wrong is marked at the place; the other one has its answer.",
    ),
    Place(
        "traces",
        "/traces?{traced}&service=orders&order=slowest&limit=200",
        "Traces: searched by service, operation, status, duration and attributes; each a point in time and a row.",
    ),
    Place(
        "trace",
        "{failed_trace}",
        "One trace as a waterfall: what worked by itself and what waited, what failed, and what leads on.",
    ),
    Place(
        "trace-big",
        "{big_trace}",
        "Ten thousand spans: only the rows that are seen are drawn, and the whole above them.",
    ),
    Place("trace-flame", "{big_trace}&view=flame", "The same as a flame graph: the work of each way of calls."),
    Place("trace-table", "{big_trace}&view=table", "The same as a table, without a script, to be read and printed."),
    Place(
        "trace-map", "/traces/map?{traced}", "Who calls whom, how often, with how many errors, and how long it takes."
    ),
    Place(
        "trace-service",
        "/traces/services/orders",
        "Rate, errors and durations of a service and of each of its operations, with changes marked.",
    ),
    Place("trace-nothing", "/traces?service=nobody", "A search that finds nothing says what to take away."),
    Place(
        "logs",
        "/logs?q=order+OR+payment+OR+mail+OR+cart",
        "Log lines: searched as one types, over time by level, counted by level and service, matches marked.",
    ),
    Place(
        "anomalies",
        "/anomalies?from={start_ms}&to={end_ms}",
        "What is not as usual: a lane for each series, what was expected, and what began together.",
    ),
    Place("logs-patterns", "/logs?tab=patterns", "Lines that are alike, grouped and counted; a click shows only them."),
    Place("logs-fields", "/logs?tab=fields", "Which fields lines have, with their most frequent values."),
    Place("logs-error", "/logs?q=payment+(failed+OR+slow", "A search that is wrong is marked at its place."),
    Place("log-record", "/logs/{log_record}", "One record whole, where it leads, and what was logged around it."),
    Place("cases", "/cases", "Open cases, then those that have ended."),
    Place("case-open", "/cases/{open}", "A case without advice yet."),
    Place("case-proposed", "/cases/{proposed}", "A case that waits for a yes, with what exactly would happen."),
    Place("case-blocked", "/cases/{blocked}", "A case that a check holds back."),
    Place("case-watching", "/cases/{watching}", "A change in place, being measured; it can be taken back."),
    Place(
        "case-kept", "/cases/{kept}", "A change that was proven faster: predicted beside measured, and the way back."
    ),
    Place("case-rolled-back", "/cases/{rolled_back}", "A change that was proven slower and taken back."),
    Place("case-inconclusive", "/cases/{inconclusive}", "A change of which nothing could be proven."),
    Place("case-failed", "/cases/{failed}", "A change that could not be made."),
    Place("case-no-advice", "/cases/{no_advice}", "A case where nothing would help."),
    Place("case-rejected", "/cases/{rejected}", "A change that a person did not want."),
    Place("changes", "/changes", "What waits, what is in flight, and what has just ended."),
    Place("ledger", "/ledger", "Everything that was ever applied, with its measured effect and the way back."),
    Place("ledger-entries", "/ledger?tab=entries", "The ledger entry by entry, each with the hash of the one before."),
    Place(
        "settings-systems",
        "/settings?tab=systems",
        "What is watched, what trimtab may see there, and the SQL for the rest.",
    ),
    Place("settings-policy", "/settings?tab=policy", "How far trimtab goes by itself, by system and kind of change."),
    Place("settings-monitoring", "/settings?tab=monitoring", "What was set up, and packs of rules and objectives."),
    Place("settings-people", "/settings?tab=people", "People and their roles."),
    Place("settings-tokens", "/settings?tab=tokens", "Tokens for programs."),
    Place("settings-audit", "/settings?tab=audit", "Who did what."),
    Place(
        "settings-configuration", "/settings?tab=configuration", "Every setting, where it was said, and what it does."
    ),
    Place("settings-you", "/settings?tab=you", "One's own password and rights."),
    Place("self", "/self", "trimtab about itself: its cost, its stores, its numbers, its log."),
    Place("error-404", "/nowhere", "There is no such page.", 404),
    Place("error-400", "/queries?from=yesterday", "An address that says something impossible.", 400),
)
