"""`trimtab anomalies`: what is not as expected, and what was said to be normal."""

from __future__ import annotations

from pathlib import Path

import click

from trimtab.cli.common import client_of, client_options, guarded


@click.group()
def anomalies() -> None:
    """Anomalies of a running server: episodes in which series or query shapes were not as expected."""


@anomalies.command("list")
@click.option("--from", "from_", default="now-1h", show_default=True, help="Begin of the range.")
@click.option("--to", default="now", show_default=True, help="End of the range, exclusive.")
@click.option("--search", help="Only series with these words in their name or labels.")
@click.option("--open", "is_open", is_flag=True, help="Only what goes on, whenever it began.")
@click.option(
    "--sort", type=click.Choice(["newest", "score", "longest", "name"]), default="newest", help="What comes first."
)
@click.option("--limit", default=50, show_default=True, help="So many episodes at most, 1 to 1000.")
@client_options
@guarded
def list_(
    from_: str,
    to: str,
    search: str | None,
    is_open: bool,
    sort: str,
    limit: int,
    data_dir: Path | None,
    server: str | None,
    form: str,
) -> None:
    """List episodes: which series, since when, what was seen and what was expected."""
    from trimtab.cli import anomalies_output, output

    asked = {"from": from_, "to": to, "search": search, "open": "true" if is_open else None}
    found = client_of(data_dir, server).get("/anomalies", **asked, sort=sort, limit=limit)
    output.show(form, found, anomalies_output.episodes)


@anomalies.command()
@click.argument("episode_id", type=int)
@client_options
@guarded
def show(episode_id: int, data_dir: Path | None, server: str | None, form: str) -> None:
    """Show one episode with the query of its samples."""
    from trimtab.cli import anomalies_output, output

    output.show(form, client_of(data_dir, server).get(f"/anomalies/{episode_id}"), anomalies_output.episode)


@anomalies.command()
@click.argument("episode_id", type=int)
@click.option("--reason", required=True, help="Why it is normal.")
@click.option("--hours", type=float, help="For so many hours; without it for good.")
@click.option("--every-test", is_flag=True, help="Whatever a test finds in the series, not only what this one told.")
@client_options
@guarded
def normal(
    episode_id: int,
    reason: str,
    hours: float | None,
    every_test: bool,
    data_dir: Path | None,
    server: str | None,
    form: str,
) -> None:
    """Say that what an episode tells is normal: it is not told any more of its series."""
    from trimtab.cli import anomalies_output, output

    body: dict[str, object] = {"reason": reason, "hours": hours, "every_test": every_test}
    made = client_of(data_dir, server).post(f"/anomalies/{episode_id}/normal", body)
    output.show(form, made, anomalies_output.said)


@anomalies.command("not-normal")
@click.argument("normal_id", type=int)
@client_options
@guarded
def not_normal(normal_id: int, data_dir: Path | None, server: str | None, form: str) -> None:
    """Take back that something is normal, by the number that 'list' shows."""
    from trimtab.cli import anomalies_output, output

    done = client_of(data_dir, server).delete(f"/anomalies/normal/{normal_id}")
    output.show(form, done, anomalies_output.taken_back)


COMMANDS = (anomalies,)
