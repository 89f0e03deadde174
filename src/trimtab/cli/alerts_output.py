"""Alerts, silences and who is told, as tables."""

from __future__ import annotations

from rich.console import Console

from trimtab.cli.output import Json, moment, plain, table

_HIDDEN = ("alertname", "severity")


def alerts(console: Console, answer: list[Json]) -> None:
    """Those that are pending or fire."""
    if not answer:
        console.print("Nothing fires, and nothing is pending.")
        return
    rows = table("Alerts", "alert", "severity", "state", "since", "labels", "what is wrong", "goes to")
    for row in answer:
        quiet = "silenced" if row["silenced_by"] else "inhibited" if row["inhibited_by"] else ""
        rows.add_row(
            plain(row["name"]),
            plain(row["severity"] or "-"),
            f"{row['state']}{f', {quiet}' if quiet else ''}",
            moment(row["fired_at_ms"] or row["active_at_ms"]),
            plain(_labels(row["labels"])),
            plain(_summary(row["annotations"])),
            plain(", ".join(row["receivers"]) or "-"),
        )
    console.print(rows)


def history(console: Console, answer: list[Json]) -> None:
    """Those that fired."""
    if not answer:
        console.print("No alert fired then that fits.")
        return
    rows = table("Alerts that fired", "#", "alert", "severity", "from", "until", "labels", "what was wrong")
    for row in answer:
        rows.add_row(
            str(row["id"]),
            plain(row["name"]),
            plain(row["severity"] or "-"),
            moment(row["fired_at_ms"]),
            "still fires" if row["resolved_at_ms"] is None else moment(row["resolved_at_ms"]),
            plain(_labels(row["labels"])),
            plain(_summary(row["annotations"])),
        )
    console.print(rows)


def delivery(console: Console, answer: Json) -> None:
    """Who is told, and how that goes."""
    if answer["not_evaluated"]:
        console.print(plain(f"Nobody can rely on alerts: {answer['not_evaluated']}"))
    if answer["routes_error"]:
        console.print(plain(f"The file of routes is wrong, the last good one is in force: {answer['routes_error']}"))
    if not answer["receivers"] and not answer["alertmanagers"]:
        console.print("Nobody is told of alerts: see [notify] in the configuration.")
    if answer["alertmanagers"]:
        rows = table("Alertmanagers", "name", "fires", "waiting", "delivered", "confirmed", "lost", "pushed", "problem")
        for row in answer["alertmanagers"]:
            rows.add_row(
                row["name"],
                str(row["firing_count"]),
                *_counts(row),
                moment(row["pushed_at_ms"]),
                plain(row["problem"] or "-"),
            )
        console.print(rows)
    if answer["receivers"]:
        rows = table("Receivers", "name", "secret", "waiting", "delivered", "confirmed", "lost", "failures", "problem")
        for row in answer["receivers"]:
            rows.add_row(
                plain(row["name"]),
                plain(", ".join(row["secrets"].values()) or "-"),
                *_counts(row),
                str(row["failures_count"]),
                plain(row["problem"] or "-"),
            )
        console.print(rows)
    if answer["heartbeat"]:
        console.print(
            plain(
                f"Heartbeat ({answer['heartbeat']}): {answer['heartbeat_problem'] or 'answered'}, "
                f"last {moment(answer['heartbeat_at_ms'])}"
            )
        )


def silences(console: Console, answer: Json) -> None:
    """All that are known."""
    for place, why in answer["missing"].items():
        console.print(plain(f"{place} could not be asked: {why}"))
    if not answer["silences"]:
        console.print("No silences.")
        return
    rows = table("Silences", "in", "id", "state", "matchers", "until", "by", "why")
    for row in answer["silences"]:
        one = row["silence"]
        rows.add_row(
            row["place"],
            one["id"],
            row["state"],
            plain(", ".join(map(_matcher, one["matchers"]))),
            moment(one["ends_at_ms"]),
            plain(one["created_by"]),
            plain(one["comment"]),
        )
    console.print(rows)


def made(console: Console, answer: Json) -> None:
    """What became of a silence in each place."""
    for row in answer["made"]:
        text = f"not made: {row['problem']}" if row["problem"] else f"made: {row['id']}"
        console.print(plain(f"{row['place']}: {text}"))


def ended(console: Console, _answer: Json) -> None:
    """A silence that was ended."""
    console.print("it is ended")


def triggered(console: Console, answer: Json) -> None:
    """An alert that somebody let fire."""
    console.print(plain(f"{answer['fingerprint']} fires within seconds: trimtab alerts list"))


def _counts(row: Json) -> tuple[str, str, str, str]:
    return (
        str(row["waiting_count"]),
        str(row["delivered_count"]),
        str(row["confirmed_count"]),
        str(row["lost_count"]),
    )


def _labels(labels: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in labels.items() if name not in _HIDDEN)


def _summary(annotations: dict[str, str]) -> str:
    return annotations.get("summary") or annotations.get("description") or next(iter(annotations.values()), "")


def _matcher(row: Json) -> str:
    sign = "=" if row["is_equal"] else "!"
    return f'{row["name"]}{sign}{"~" if row["is_regex"] else "" if row["is_equal"] else "="}"{row["value"]}"'
