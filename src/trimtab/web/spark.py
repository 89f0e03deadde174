"""A line without axes as an SVG path: drawn on the server, so that a table of them costs no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, TOP = 120.0, 28.0, 2.0


@dataclass(frozen=True, slots=True)
class SparkPath:
    """The line, and the area under it."""

    line: str
    area: str


def spark_path(values: Sequence[float | None]) -> SparkPath | None:
    """Paths in a box of 120 × 28 from zero to the largest value; a gap stays a gap. None without two numbers.

    >>> spark_path([0, 10])
    SparkPath(line='M0 28L120 2', area='M0 28L0 28L120 2L120 28Z')
    >>> spark_path([1, None]) is None
    True
    """
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    top = max(*known, 1e-12)
    step = WIDTH / (len(values) - 1)
    line: list[str] = []
    area: list[str] = []
    run: list[tuple[str, str]] = []

    def close() -> None:
        if run:
            points = "L".join(f"{x} {y}" for x, y in run)
            line.append(f"M{points}" if len(run) > 1 else f"M{points}h0.5")
            area.append(f"M{run[0][0]} {HEIGHT:g}L{points}L{run[-1][0]} {HEIGHT:g}Z")
            run.clear()

    for position, value in enumerate(values):
        if value is None:
            close()
            continue
        height = HEIGHT - (HEIGHT - TOP) * max(value, 0) / top
        run.append((f"{position * step:.4g}", f"{height:.4g}"))
    close()
    return SparkPath("".join(line), "".join(area))
