"""Data quality, cost, pipelines and satisfaction as tables."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from trimtab.analyze.slo.quantities import duration_text
from trimtab.cli.output import Json, cut, moment, plain, table
from trimtab.cli.slo_output import NOTHING
from trimtab.model.probes import REFUSED
from trimtab.model.readable import amount_text, digits_of, duration_of, money_text, percent_of, wish_text


def quality(console: Console, answer: Json) -> None:
    """Scores, and the probes behind them."""
    if not answer["probes"]:
        console.print("No probes: name a file of them in [business] files of the configuration.", markup=False)
    scores = table("Data quality", "system", "table", "score", "at least", "at most", "measured", "parts")
    for row in (*answer["systems"], *answer["tables"]):
        parts = ", ".join(f"{part['dimension']} {share(part['score'])}" for part in row["parts"])
        scores.add_row(
            plain(row["system"]),
            plain(row["table"] or "all of it"),
            share(row["score"]),
            share(row["low"]),
            share(row["high"]),
            f"{row['measured_count']} of {row['probes_count']}",
            plain(parts),
        )
    if answer["systems"]:
        console.print(scores)
    if answer["probes"]:
        drawn = table("Probes", "probe", "system", "state", "value", "wanted", "when", "took", "why not")
        for row in answer["probes"]:
            drawn.add_row(
                plain(row["name"]),
                plain(row["system"]),
                "running" if row["is_running"] else row["state"],
                value(row),
                plain(wish_text(row["wanted"], row["unit"]) or NOTHING),
                moment(row["at_ms"]),
                NOTHING if row["duration_ms"] is None else duration_of(row["duration_ms"]),
                plain(row["held"] or row["why_not"].removeprefix(REFUSED) or NOTHING),
            )
        console.print(drawn)
    for problem in answer["problems"]:
        console.print(Text(problem, style="red"))


def share(value: float | None) -> str:
    """A share in percent, or that nobody knows."""
    return NOTHING if value is None else percent_of(value)


def value(row: Json) -> str:
    """What a probe found, in its unit.

    >>> value({"value": 0.015, "unit": "ratio"}), value({"value": 90.0, "unit": "s"}), value({"value": None})
    ('1.5 %', '1 min 30 s', '-')
    """
    return NOTHING if row["value"] is None else amount_text(row["value"], row["unit"])


def probe(console: Console, row: Json) -> None:
    """One probe."""
    lines = [
        ("probe", f"{row['name']} of {row['system']}{' ' + row['table'] if row['table'] else ''}"),
        ("state", row["state"]),
        ("value", value(row)),
        ("wanted", wish_text(row["wanted"], row["unit"]) or NOTHING),
        ("why not", row["why_not"] or NOTHING),
        ("took", NOTHING if row["duration_ms"] is None else duration_of(row["duration_ms"])),
        ("series", row["series"]),
        ("statement", row["statement"]),
        ("from", f"{row['origin']}, line {row['line']}"),
    ]
    for name, text in lines:
        console.print(f"{name:<10} {text}", markup=False)


def cost(console: Console, answer: Json) -> None:
    """The month."""
    if answer["why"]:
        console.print(f"Nobody knows: {answer['why']}.", markup=False)
        return
    money = answer["currency"]
    lines = [
        ("this month", f"{money_text(answer['spent'])} {money} since the first (UTC)"),
        (
            "measured",
            f"{percent_of(answer['measured_ratio'])} of that time; only fixed prices count for the rest of it",
        ),
        (
            "budget",
            "none is said"
            if answer["budget"] is None
            else f"{money_text(answer['budget'])} {money}, {percent_of(answer['budget_used_ratio'] or 0)} used",
        ),
        ("forecast", answer["no_forecast"] or _forecast(answer["forecast"], money)),
    ]
    for name, text in lines:
        console.print(f"{name:<10} {text}", markup=False)
    drawn = table("Systems", "system", money, "fixed", "processor", "io", "storage", "measured", "since the hour of")
    for row in answer["systems"]:
        numbers = [money_text(row[name]) for name in ("total", "fixed", "processor", "io", "storage")]
        since = moment(row["measured_from_ms"])
        drawn.add_row(plain(row["system"]), *numbers, percent_of(row["measured_ratio"]), since)
    console.print(drawn)
    for problem in answer["problems"]:
        console.print(Text(problem, style="red"))
    if answer["shapes"]:
        drawn = table("Query shapes", money, "a month at this rate", "share", "calls", "system", "query")
        for row in answer["shapes"]:
            text = row["text"] or row["fingerprint"]
            drawn.add_row(
                money_text(row["cost"]),
                money_text(row["month"]),
                percent_of(row["share"]),
                f"{row['calls']:,}",
                plain(row["system"]),
                plain(cut(console, text)),
            )
        console.print(drawn)
    if answer["pipelines"]:
        drawn = table("Pipelines (at most)", money, "time in databases", "pipeline")
        for row in answer["pipelines"]:
            drawn.add_row(money_text(row["cost"]), duration_of(row["database_ms"]), plain(row["pipeline"]))
        console.print(drawn)
    console.print(f"How: {answer['method']}.", markup=False)
    for price in answer["prices"]:
        told = f"{price['price']:g} {money} per {price['per']} ({price['source']}, {price['as_of']})"
        of = f" of {', '.join(price['systems'])}" if price["systems"] else ""
        console.print(f"Price: {price['resource']}{of} {told}", markup=False)


def _forecast(found: Json, money: str) -> str:
    return (
        f"{money_text(found['middle'])} {money} for the whole month "
        f"({money_text(found['low'])} to {money_text(found['high'])}, 8 times in 10), from {found['days_count']} days"
        if found["days_count"]
        else f"{money_text(found['middle'])} {money} for the whole month: {found['method']}"
    )


def pipelines(console: Console, answer: Json) -> None:
    """Pipelines over the window."""
    if not answer["pipelines"]:
        console.print(
            "No runs of pipelines were told. Who can: spans with the attribute pipeline.name, OpenLineage, Airflow, "
            "and trimtab import dbt run_results.json."
        )
    else:
        window = duration_text(answer["window_s"] * 1000)
        drawn = table(
            f"Pipelines, runs that ended in {window}", "pipeline", "source", "success", "runs", "last", "took"
        )
        for row in answer["pipelines"]:
            ended = row["success_count"] + row["failed_count"] + row["aborted_count"]
            rate = NOTHING
            if row["success_rate"] is not None:
                interval = f"{percent_of(row['success_rate_low'])} to {percent_of(row['success_rate_high'])}"
                rate = f"{percent_of(row['success_rate'])} ({interval})"
            took = row["last_duration_ms"]
            drawn.add_row(
                plain(row["pipeline"]),
                row["source"],
                rate,
                f"{row['success_count']} of {ended}",
                moment(row["last_ended_at_ms"]),
                NOTHING if took is None else duration_of(took),
            )
        console.print(drawn)
    for problem in answer["problems"]:
        console.print(Text(problem, style="red"))


def runs(console: Console, answer: list[Json]) -> None:
    """Runs, newest first."""
    if not answer:
        console.print("No such runs.")
        return
    drawn = table("Runs", "ended", "status", "took", "pipeline", "source", "run", "told")
    for row in answer:
        drawn.add_row(
            moment(row["ended_at_ms"]),
            row["status"],
            NOTHING if row["duration_ms"] is None else duration_of(row["duration_ms"]),
            plain(row["pipeline"]),
            row["source"],
            plain(row["run_id"]),
            plain(row["told"] or NOTHING),
        )
    console.print(drawn)


def satisfaction(console: Console, answer: list[Json]) -> None:
    """Each source."""
    if not answer:
        console.print("No sources: name them under satisfaction: in a file of [business] files.", markup=False)
        return
    drawn = table("Satisfaction", "name", "kind", "value", "9 times in 10", "answers", "how, or why not")
    for row in answer:
        drawn.add_row(
            plain(row["name"]),
            row["kind"],
            NOTHING if row["ratio"] is None else amount_text(row["ratio"], "ratio", f"/{row['scale']:g}"),
            NOTHING if row["low"] is None else f"{digits_of(row['low'])} to {digits_of(row['high'])}",
            f"{row['count']:,}",
            plain(row["why_not"] or row["method"]),
        )
    console.print(drawn)
    for row in answer:
        for line in row["refused"]:
            console.print(Text(f"{row['name']}, {line}", style="red"))
        more = row["refused_count"] - len(row["refused"])
        if more > 0:
            console.print(Text(f"{row['name']}: {more} more lines are refused", style="red"))
