"""Data quality, cost, pipelines and satisfaction as tables."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from trimtab.analyze.slo.quantities import duration_text
from trimtab.cli.output import Json, cut, moment, plain, table
from trimtab.cli.slo_output import NOTHING, percent


def quality(console: Console, answer: Json) -> None:
    """Scores, and the probes behind them."""
    if not answer["probes"]:
        console.print("No probes (name files of them in business.files of the configuration; trimtab probes check).")
    scores = table("Data quality", "system", "table", "score", "at least", "at most", "measured", "parts")
    for row in (*answer["systems"], *answer["tables"]):
        parts = ", ".join(f"{part['dimension']} {percent(part['score'], 4)}" for part in row["parts"])
        scores.add_row(
            plain(row["system"]),
            plain(row["table"] or "all of it"),
            percent(row["score"], 4),
            percent(row["low"], 4),
            percent(row["high"], 4),
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
                plain(row["wanted"] or NOTHING),
                moment(row["at_ms"]),
                NOTHING if row["duration_ms"] is None else f"{row['duration_ms']:.3g} ms",
                plain(row["held"] or row["why_not"] or NOTHING),
            )
        console.print(drawn)
    for problem in (*answer["problems"], *(told for file in answer["files"] for told in file["problems"])):
        console.print(Text(problem, style="red"))


def value(row: Json) -> str:
    """What a probe found, in its unit.

    >>> value({"value": 0.015, "unit": "ratio"}), value({"value": 3.0, "unit": "rows"}), value({"value": None})
    ('1.5 %', '3 rows', '-')
    >>> value({"value": 90.0, "unit": "s"})
    '1m30s'
    """
    found = row["value"]
    if found is None:
        return NOTHING
    if row["unit"] == "ratio":
        return percent(found, 4)
    if row["unit"] == "s" and found >= 1:
        return duration_text(round(found) * 1000)
    return f"{found:.6g} {row['unit']}".strip()


def probe(console: Console, row: Json) -> None:
    """One probe."""
    lines = [
        ("probe", f"{row['name']} of {row['system']}{' ' + row['table'] if row['table'] else ''}"),
        ("state", row["state"]),
        ("value", value(row)),
        ("wanted", row["wanted"] or NOTHING),
        ("why not", row["why_not"] or NOTHING),
        ("took", NOTHING if row["duration_ms"] is None else f"{row['duration_ms']:.3g} ms"),
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
        ("this month", f"{answer['spent']:.2f} {money}, {100 * answer['measured_ratio']:.2f} % of the time measured"),
        (
            "budget",
            "none is said"
            if answer["budget"] is None
            else f"{answer['budget']:.2f} {money}, {100 * (answer['budget_used_ratio'] or 0):.2f} % used",
        ),
        ("forecast", answer["no_forecast"] or _forecast(answer["forecast"], money)),
    ]
    for name, text in lines:
        console.print(f"{name:<10} {text}", markup=False)
    drawn = table("Systems", "system", money, "processor", "io", "storage", "fixed", "measured")
    for row in answer["systems"]:
        numbers = [f"{row[name]:.4f}" for name in ("total", "processor", "io", "storage", "fixed")]
        drawn.add_row(plain(row["system"]), *numbers, percent(row["measured_ratio"], 3))
    console.print(drawn)
    if answer["shapes"]:
        drawn = table("Query shapes", money, "a month at this rate", "share", "calls", "system", "query")
        for row in answer["shapes"]:
            text = row["text"] or row["fingerprint"]
            drawn.add_row(
                f"{row['cost']:.4f}",
                f"{row['month']:.4f}",
                percent(row["share"], 3),
                f"{row['calls']:,}",
                plain(row["system"]),
                plain(cut(console, text)),
            )
        console.print(drawn)
    if answer["pipelines"]:
        drawn = table("Pipelines (at most)", money, "time in databases", "pipeline")
        for row in answer["pipelines"]:
            drawn.add_row(f"{row['cost']:.4f}", duration_text(row["database_ms"]), plain(row["pipeline"]))
        console.print(drawn)
    console.print(f"How: {answer['method']}.", markup=False)
    for price in answer["prices"]:
        told = f"{price['price']:g} {money} per {price['per']} ({price['source']}, {price['as_of']})"
        console.print(f"Price: {price['resource']} {told}", markup=False)


def _forecast(found: Json, money: str) -> str:
    return (
        f"{found['middle']:.2f} {money} for the whole month "
        f"({found['low']:.2f} to {found['high']:.2f}, 8 times in 10), "
        f"from {found['days_count']} days"
    )


def pipelines(console: Console, answer: Json) -> None:
    """Pipelines over the window."""
    if not answer["pipelines"]:
        console.print("No runs of pipelines were told: docs/how-to/data-quality.md says who can tell of them.")
    else:
        window = duration_text(answer["window_s"] * 1000)
        drawn = table(
            f"Pipelines, runs that ended in {window}", "pipeline", "source", "success", "runs", "last", "took"
        )
        for row in answer["pipelines"]:
            ended = row["success_count"] + row["failed_count"] + row["aborted_count"]
            rate = percent(row["success_rate"], 4)
            if row["success_rate"] is not None:
                rate += f" ({percent(row['success_rate_low'], 3)} to {percent(row['success_rate_high'], 3)})"
            took = row["last_duration_ms"]
            drawn.add_row(
                plain(row["pipeline"]),
                row["source"],
                rate,
                f"{row['success_count']} of {ended}",
                moment(row["last_ended_at_ms"]),
                NOTHING if took is None else duration_text(took),
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
            NOTHING if row["duration_ms"] is None else duration_text(row["duration_ms"]),
            plain(row["pipeline"]),
            row["source"],
            plain(row["run_id"]),
            plain(row["told"] or NOTHING),
        )
    console.print(drawn)


def satisfaction(console: Console, answer: list[Json]) -> None:
    """Each source."""
    if not answer:
        console.print("No sources of satisfaction (satisfaction: in a file of business.files).")
        return
    drawn = table("Satisfaction", "name", "kind", "value", "of", "9 times in 10", "answers", "how, or why not")
    for row in answer:
        drawn.add_row(
            plain(row["name"]),
            row["kind"],
            NOTHING if row["value"] is None else f"{row['value']:.3f}",
            f"{row['scale']:g}",
            NOTHING if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}",
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
