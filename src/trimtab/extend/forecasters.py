"""Who can forecast better than the default: what trimtab asks of a model, and what it does with the answer.

A model comes in by entry point (`trimtab.forecasters`, by its name) as a callable without parameters that gives a
`Forecaster`. trimtab asks it for the past as well as for the future: from each past moment of the rolling backtest,
with the values before that moment alone. Where its error over these moments is smaller than the default's, it replaces
the default for that series; intervals are then made of *its* errors, in the same way.
So a model cannot make things worse than the backtest can see, and need not know anything of intervals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trimtab.extend.registry import load
from trimtab.model.errors import ConfigError

FORECASTERS = "trimtab.forecasters"
"""The group of entry points."""


@dataclass(frozen=True, slots=True)
class ForecastTask:
    """Series to be forecast.

    `values` is float64 [series, points] and read-only; NaN is a gap. Column i is at `start_ms + i * step_ms` (Unix
    milliseconds). `seasons_steps` are the seasons that were found in most of the series, in steps. `names` has a
    name for each series where the caller knows them; it is empty otherwise.
    """

    values: NDArray[np.float64]
    start_ms: int
    step_ms: int
    horizon_steps: int
    seasons_steps: tuple[int, ...] = ()
    names: tuple[str, ...] = ()


class Forecaster(Protocol):
    """A model that forecasts many series at once."""

    def points_min(self) -> int:
        """How many points of history it needs at least; series with fewer keep the default."""
        ...

    def forecast(self, task: ForecastTask) -> NDArray[np.float64]:
        """The mean, float64 [series, horizon]; NaN in a row means: not this series.

        It may be called from any thread, must give the same answer to the same task, and must not keep values. It
        may raise a TrimtabError, which leaves the default in place for all series and is told with the answer.
        """
        ...


def forecasters(names: tuple[str, ...] | None = None) -> Mapping[str, Forecaster]:
    """The models that are installed, by name; only those that `names` has, where it is given.

    Raises ConfigError for a name that is not installed, or a plug-in that does not load.

    >>> forecasters(())
    {}
    """
    if names == ():
        return {}
    there = load(FORECASTERS)
    if missing := sorted(set(names or ()) - set(there)):
        raise ConfigError(
            f"no forecaster named {missing[0]!r} is installed; there is: {', '.join(sorted(there)) or 'none'}",
            group=FORECASTERS,
            plugin=missing[0],
        )
    return {name: make() for name, make in there.items() if names is None or name in names}
