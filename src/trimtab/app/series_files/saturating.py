"""When a file's series reach a limit: `trimtab capacity`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trimtab.analyze.capacity.answers import Saturation, SaturationSettings
from trimtab.analyze.capacity.saturation import saturation
from trimtab.app.series_files.documents import moment, number
from trimtab.app.series_files.drawing import Panel
from trimtab.app.series_files.reading import SeriesFile
from trimtab.app.series_files.units import limit_in
from trimtab.model.errors import InputError


def fitting(file: SeriesFile, limit: str) -> tuple[SeriesFile, list[tuple[str, str]]]:
    """The file with those series alone that a limit with a unit fits, and (name, why not) of the others.

    InputError where it fits none, or is no limit at all.
    """
    kept, left = [], []
    first: InputError | None = None
    for one in file.series:
        try:
            limit_in(limit, one.series.unit, one.series.name)
        except InputError as error:
            if "series" not in error.facts:  # what is wrong with the limit itself
                raise
            first = first or error
            left.append((one.series.name, error.message))
        else:
            kept.append(one)
    if first is not None and not kept:
        raise first
    return replace(file, series=tuple(kept)), left


def saturations(file: SeriesFile, limit: str, settings: SaturationSettings) -> list[Saturation]:
    """The date of every series; the limit may have a unit, and is put into that of each series."""
    return [saturation(one.series, limit_in(limit, one.series.unit, one.series.name), settings) for one in file.series]


def document(found: list[Saturation]) -> dict[str, Any]:
    """The JSON document."""
    return {
        "saturation": [
            {
                "series": one.series,
                "date": moment(one.date_ms),
                "earliest": moment(one.earliest_ms),
                "latest": moment(one.latest_ms),
                "outcome": one.outcome,
                "reason": one.reason,
                "limit": one.limit,
                "current": number(one.current),
                "growth_per_day": number(one.growth_per_day),
                "probability": number(one.probability),
                "range": one.range_ratio,
                "horizon": None if number(one.current) is None else moment(one.horizon_end_ms),
                "notes": list(one.notes),
            }
            for one in found
        ]
    }


def panels(file: SeriesFile, found: list[Saturation]) -> list[Panel]:
    """Series with the band of their futures and the limit."""
    return [
        Panel(
            of.series,
            of.series.name,
            marks=[one.date_ms] if one.date_ms is not None else [],
            middle=(one.band.at_ms, one.band.middle) if len(one.band.at_ms) else None,
            bands=[(one.band.at_ms, one.band.low, one.band.high)] if len(one.band.at_ms) else [],
            limit=one.limit,
            notes=(one.outcome.replace("_", " "),),
        )
        for of, one in zip(file.series, found, strict=True)
    ]
