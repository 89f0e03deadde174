"""`trimtab detect`, `forecast`, `changepoints`, `capacity`: series in a file, no server needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.common import guarded
from trimtab.model.errors import InputError

if TYPE_CHECKING:
    from trimtab.app.series_files.drawing import Panel
    from trimtab.app.series_files.reading import ReadAs, SeriesFile

SIZE_BYTES_MAX = 1 << 30
LEFT_TOLD_MAX = 5
_KEPT = "trimtab.series_file"
_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--time-column",), {"default": "", "help": "Column of times [timestamp, time, ts, …, else the first]."}),
    (("--series-column",), {"multiple": True, "help": "Column that names the series (long form); may be repeated."}),
    (("--value-column",), {"multiple": True, "help": "Column of values [value, else each that holds numbers]."}),
    (("--time-zone",), {"help": "Zone of times that name none, such as Europe/Berlin [UTC]."}),
    (("--time-unit",), {"default": "", "help": "Of times that are numbers: s, ms, us, ns [by their size]."}),
    (("--time-format",), {"default": "", "help": "Form of times as strptime has it, such as '%d.%m.%Y %H:%M'."}),
    (("--unit",), {"default": "", "help": "Unit of the values, such as ms, By, % [what the column's name says]."}),
    (("--plot",), {"type": click.Path(path_type=Path), "help": "Draw it into this .png or .svg (extra 'plot')."}),
    (
        ("--format", "form"),
        {"type": click.Choice(["table", "json"]), "default": "table", "help": "For people, or JSON."},
    ),
)


def _file_options(command: Callable[..., None]) -> Callable[..., None]:
    """What all four take; `_read` and `_shown` use what the command does not get."""

    def keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
        context.meta[f"{_KEPT}.{parameter.name}"] = value

    for names, options in reversed(_OPTIONS):
        command = click.option(*names, callback=keep, expose_value=False, **options)(command)
    return click.argument("file")(command)


def _said(name: str) -> Any:
    return click.get_current_context().meta[f"{_KEPT}.{name}"]


def _read(file: str) -> SeriesFile:
    """The file, or standard input; how it was read is said on stderr."""
    from trimtab.app.series_files.drawing import check_plot
    from trimtab.app.series_files.outputs import check_output
    from trimtab.app.series_files.reading import read_series

    how = _how()
    check_plot(_said("plot"))
    check_output(_said("plot"), "--plot")
    if file == "-":
        data = sys.stdin.buffer.read(SIZE_BYTES_MAX + 1)
    else:
        path = Path(file)
        if path.is_dir() or not path.exists():
            raise InputError(f"{file}: {'it is a folder' if path.is_dir() else 'there is no such file'}", path=file)
        with path.open("rb") as opened:
            data = opened.read(SIZE_BYTES_MAX + 1)
    found = read_series(data, "standard input" if file == "-" else file, how)
    for note in found.notes:
        click.echo(f"trimtab: {note}", err=True)
    return found


def _how() -> ReadAs:
    from trimtab.app.series_files.layout import Columns
    from trimtab.app.series_files.reading import ReadAs
    from trimtab.app.series_files.times import UNITS_PER_S, TimeForm
    from trimtab.app.series_files.units import check_unit

    if (unit := _said("time_unit")) and unit not in UNITS_PER_S:
        raise InputError(f"--time-unit is one of {', '.join(UNITS_PER_S)}, found {unit!r}")
    times = TimeForm(_said("time_zone"), unit, _said("time_format"))
    _ = times.zone_info  # says so now if there is no such zone
    columns = Columns(_said("time_column"), tuple(_said("series_column")), tuple(_said("value_column")))
    return ReadAs(columns, times, check_unit(_said("unit")))


def _shown(document: dict[str, Any], draw: Callable[[Any, Any], None], panels: Callable[[], list[Panel]]) -> None:
    """The picture, if one is wanted, then the answer."""
    from trimtab.cli.output import show

    if (path := _said("plot")) is not None:
        from trimtab.app.series_files.drawing import draw as draw_panels

        if left := draw_panels(panels(), path):
            click.echo(f"trimtab: {left}", err=True)
    show(_said("form"), document, draw)


def _names(series: Sequence[str]) -> str:
    """Some names of series, and how many more there are; "" of none."""
    more = f" and {len(series) - LEFT_TOLD_MAX} more" if len(series) > LEFT_TOLD_MAX else ""
    return ", ".join(repr(name) for name in series[:LEFT_TOLD_MAX]) + more


def _duration(text: str, option: str) -> int:
    from trimtab.analyze.slo.quantities import duration_ms

    try:
        return duration_ms(text)
    except ValueError as error:
        raise InputError(f"{option}: {error}") from None


@click.command()
@_file_options
@click.option("--scores", type=click.Path(path_type=Path), help="Write the rows again with an anomaly_score in 0..1.")
@click.option("--fail-on", type=click.FloatRange(0.0, 1.0), help="End with 1 where an episode has at least this score.")
@guarded
def detect(file: str, scores: Path | None, fail_on: float | None) -> None:
    """When was something odd in the series of FILE (CSV or Parquet, - for standard input).

    Rows are looked at in the order of their times, as they would have come: a row's score uses no later row. Exit
    code: 0, 1 --fail-on, 2 the file cannot be read (the message names line and column), 3 no matplotlib for --plot.
    """
    from trimtab.analyze.detect import DetectSettings
    from trimtab.app.series_files import detecting
    from trimtab.app.series_files.outputs import check_output
    from trimtab.cli.series_files_output import draw_episodes

    check_output(scores, "--scores")
    read = _read(file)
    settings = DetectSettings()
    found = detecting.detect(read, settings)
    if told := _names(found.short):
        click.echo(
            f"trimtab: {told}: nothing is said of the first {settings.warm_up_points} numbers of a series, and "
            "there are no more",
            err=True,
        )
    if scores is not None:
        from trimtab.app.series_files.scores_out import write_scores

        write_scores(read, found.scores, scores)
    _shown(detecting.document(found), draw_episodes, lambda: detecting.panels(read, found))
    if fail_on is not None and any(one.score >= fail_on for one in found.episodes):
        sys.exit(1)


@click.command()
@_file_options
@click.option("--horizon", default="24h", help="How far ahead [24h].")
@click.option("--step", help="Distance of the points of the forecast [that of the samples].")
@click.option("--holiday", "holidays", multiple=True, help="A day like a Sunday: 2026-12-25; may be repeated.")
@guarded
def forecast(file: str, horizon: str, step: str | None, holidays: tuple[str, ...]) -> None:
    """What comes next in the series of FILE (CSV or Parquet, - for standard input), with 80 and 90 % intervals.

    Each series is forecast from its own last row on. What made it, and how it did on the past, stands beside it. Exit
    code: 0, 2 the file cannot be read (the message names line and column), 3 no matplotlib for --plot.
    """
    from trimtab.analyze.forecast.settings import ForecastSettings
    from trimtab.app.series_files import forecasting
    from trimtab.cli.series_files_output import draw_forecasts

    _how()  # what it refuses is called as here
    try:
        settings = ForecastSettings(holidays=holidays, time_zone=_said("time_zone") or "UTC")
    except InputError as error:
        raise InputError(f"--holiday: {error.message.removeprefix('holidays: ')}") from None
    horizon_ms = _duration(horizon, "--horizon")
    step_ms = None if step is None else _duration(step, "--step")
    read = _read(file)
    ahead = forecasting.look_ahead(read, horizon_ms, settings, step_ms)
    left = [(one.series.name, why) for one in read.series if (why := forecasting.why_unforecast(one.series, step_ms))]
    for name, why in left[:LEFT_TOLD_MAX]:
        click.echo(f"trimtab: no forecast of {name!r}: it has {why}", err=True)
    if len(left) > LEFT_TOLD_MAX:
        click.echo(f"trimtab: no forecast of {len(left) - LEFT_TOLD_MAX} more series either", err=True)
    _shown(forecasting.document(ahead), draw_forecasts, lambda: forecasting.panels(ahead))


@click.command()
@_file_options
@click.option("--load", help="Take out what this series of the file explains, such as requests per second.")
@guarded
def changepoints(file: str, load: str | None) -> None:
    """Where the level of the series of FILE (CSV or Parquet, - for standard input) changed, and by how much.

    `index` is the first sample of the new level, from 0. What is provisional has few samples after it. Exit code: 0,
    2 the file cannot be read (the message names line and column), 3 no matplotlib for --plot.
    """
    from trimtab.app.series_files import changing
    from trimtab.cli.series_files_output import draw_changes
    from trimtab.model.change_point_settings import ChangePointSettings

    settings = ChangePointSettings()
    found = changing.changes(_read(file), settings, load)
    if told := _names([one.series.name for one in found if one.is_short]):
        click.echo(
            f"trimtab: {told}: two levels need {2 * settings.min_segment} numbers, and there are fewer", err=True
        )
    for one in found:
        if one.of_samples > 1:
            told = f"{one.series.name!r} has {len(one.series)} samples: medians of {one.of_samples} were looked at"
            click.echo(f"trimtab: {told}", err=True)
    _shown(changing.document(found), draw_changes, lambda: changing.panels(found))


@click.command()
@_file_options
@click.option("--limit", required=True, help="What is full: 100, 500GB, 95%; in the unit of the series if it has none.")
@click.option("--horizon", help="How far ahead is looked [four times the history].")
@click.option(
    "--range", "range_ratio", type=click.FloatRange(0.5, 0.99), default=0.8, help="How sure a range is [0.8]."
)
@guarded
def capacity(file: str, limit: str, horizon: str | None, range_ratio: float) -> None:
    """When the series of FILE (CSV or Parquet, - for standard input) reach a limit: a date with its range.

    "It does not grow" and "not within the horizon" are answers. Series that the unit of the limit does not fit are
    named on stderr, and the others answered. Exit code: 0, 2 the file cannot be read (the message names line and
    column) or the limit fits no series, 3 no matplotlib for --plot.
    """
    from trimtab.analyze.capacity.answers import SaturationSettings
    from trimtab.app.series_files import saturating
    from trimtab.cli.series_files_output import draw_saturations

    horizon_ms = 0 if horizon is None else _duration(horizon, "--horizon")
    read, left = saturating.fitting(_read(file), limit)
    for _, why in left[:LEFT_TOLD_MAX]:
        click.echo(f"trimtab: left out: {why}", err=True)
    if more := _names([name for name, _ in left[LEFT_TOLD_MAX:]]):
        click.echo(f"trimtab: left out, since the limit does not fit either: {more}", err=True)
    found = saturating.saturations(read, limit, SaturationSettings(range_ratio=range_ratio, horizon_ms=horizon_ms))
    _shown(saturating.document(found), draw_saturations, lambda: saturating.panels(read, found))


COMMANDS = (detect, forecast, changepoints, capacity)
