"""`trimtab alerts`: what fires now, what fired, who was told, and silences."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click

from trimtab.cli.common import client_of, client_options, guarded
from trimtab.model.errors import InputError

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds_of(text: str) -> float:
    """A length as people write it.

    >>> seconds_of("2h"), seconds_of("90m"), seconds_of("1.5d")
    (7200.0, 5400.0, 129600.0)
    """
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        raise InputError(f"{text[:40]!r} is no length such as 30m, 2h or 1d")
    return float(found[1]) * _SECONDS[found[2]]


@click.group()
def alerts() -> None:
    """Alerts: those that fire, the history, who is told, silences."""


@alerts.command("list")
@click.option("--fail-on-firing", is_flag=True, help="Exit code 1 where one fires and is not silenced.")
@client_options
@guarded
def list_alerts(fail_on_firing: bool, data_dir: Path | None, server: str | None, form: str) -> None:
    """Alerts that are pending or fire, the worst first."""
    from trimtab.cli import alerts_output, output

    found = client_of(data_dir, server).get("/alerts")
    output.show(form, found, alerts_output.alerts)
    if fail_on_firing and any(one["state"] == "firing" and not one["silenced_by"] for one in found):
        sys.exit(1)


@alerts.command()
@click.argument("words", nargs=-1)
@click.option("--from", "from_text", default="now-7d", show_default=True, help="now-24h, RFC 3339, Unix milliseconds.")
@click.option("--to", default="now", show_default=True, help="End, exclusive.")
@click.option("--severity", help="Only with this label.")
@click.option("--limit", default=50, show_default=True, help="So many at most, 1 to 1000.")
@client_options
@guarded
def history(
    words: tuple[str, ...],
    from_text: str,
    to: str,
    severity: str | None,
    limit: int,
    data_dir: Path | None,
    server: str | None,
    form: str,
) -> None:
    """Alerts that fired, newest first. WORDS have to stand in the name, the labels (name=value) or the annotations."""
    from trimtab.cli import alerts_output, output

    asked = {"from": from_text, "to": to, "search": " ".join(words) or None, "severity": severity, "limit": limit}
    output.show(form, client_of(data_dir, server).get("/alerts/history", **asked), alerts_output.history)


@alerts.command()
@client_options
@guarded
def delivery(data_dir: Path | None, server: str | None, form: str) -> None:
    """Who is told, what was delivered, confirmed and lost, and what waits."""
    from trimtab.cli import alerts_output, output

    output.show(form, client_of(data_dir, server).get("/alerts/delivery"), alerts_output.delivery)


@alerts.command()
@client_options
@guarded
def silences(data_dir: Path | None, server: str | None, form: str) -> None:
    """Silences of trimtab and of every Alertmanager."""
    from trimtab.cli import alerts_output, output

    output.show(form, client_of(data_dir, server).get("/silences"), alerts_output.silences)


@alerts.command()
@click.argument("matchers", nargs=-1, required=True)
@click.option("--for", "length", required=True, help="How long: 30m, 2h, 1d.")
@click.option("--comment", required=True, help="Why; who is woken next has to know.")
@click.option("--in", "places", multiple=True, help="'trimtab' or the name of an Alertmanager; default: everywhere.")
@client_options
@guarded
def silence(
    matchers: tuple[str, ...],
    length: str,
    comment: str,
    places: tuple[str, ...],
    data_dir: Path | None,
    server: str | None,
    form: str,
) -> None:
    """Keep alerts quiet that fit all MATCHERS, such as 'alertname="Down"' 'job=~"shop|cart"'.

    Exit code 1 where it could not be made in one of the places.
    """
    from trimtab.cli import alerts_output, output

    client = client_of(data_dir, server)
    ends_at_ms = int((time.time() + seconds_of(length)) * 1000)
    body: dict[str, object] = {
        "matchers": ", ".join(matchers),
        "ends_at_ms": ends_at_ms,
        "comment": comment,
        "places": list(places),
        "by": client.me,
    }
    made = client.post("/silences", body)
    output.show(form, made, alerts_output.made)
    if any(one["problem"] for one in made["made"]):
        sys.exit(1)


@alerts.command()
@click.argument("number")
@click.option("--in", "place", default="trimtab", show_default=True, help="'trimtab' or the name of an Alertmanager.")
@client_options
@guarded
def unsilence(number: str, place: str, data_dir: Path | None, server: str | None, form: str) -> None:
    """End silence NUMBER now."""
    from trimtab.cli import alerts_output, output
    from trimtab.cli.segment import segment

    answer = client_of(data_dir, server).delete(f"/silences/{segment(place)}/{segment(number)}")
    output.show(form, answer, alerts_output.ended)


@alerts.command()
@click.argument("name")
@click.option("--label", "labels", multiple=True, help="NAME=VALUE; may be given several times.")
@click.option("--severity", default="warning", show_default=True, help="The label by which most routes choose.")
@click.option("--summary", default="", help="What is wrong, in a sentence.")
@click.option("--for", "length", default="1h", show_default=True, help="How long it fires: 30m, 2h; 0s ends it.")
@client_options
@guarded
def trigger(
    name: str,
    labels: tuple[str, ...],
    severity: str,
    summary: str,
    length: str,
    data_dir: Path | None,
    server: str | None,
    form: str,
) -> None:
    """Let alert NAME fire, to try the way to people or because something else noticed a problem."""
    from trimtab.cli import alerts_output, output

    client = client_of(data_dir, server)
    body: dict[str, object] = {
        "name": name,
        "labels": {"severity": severity, **_pairs(labels)},
        "annotations": {"summary": summary} if summary else {},
        "length_s": seconds_of(length),
        "by": client.me,
    }
    output.show(form, client.post("/alerts/trigger", body), alerts_output.triggered)


def _pairs(labels: tuple[str, ...]) -> Mapping[str, str]:
    for text in labels:
        if "=" not in text:
            raise InputError(f"--label is NAME=VALUE, found {text[:60]!r}")
    return {text.split("=", 1)[0]: text.split("=", 1)[1] for text in labels}


COMMANDS: tuple[click.Command, ...] = (alerts,)
