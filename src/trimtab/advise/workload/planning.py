"""The plans of a workload as things are, heavy statements first. What the server itself cannot plan is left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from trimtab.advise.index.plans import Node, cost
from trimtab.advise.index.session import Connection
from trimtab.advise.workload.reading import NO_TIME, STATEMENTS_MIN, mean_call_ms
from trimtab.advise.workload.shapes import Shape, Workload
from trimtab.advise.workload.statements import Left, nothing_priced
from trimtab.model.errors import PermissionMissing, TrimtabError
from trimtab.observe.postgres.explain import explain


@dataclass(frozen=True, slots=True)
class Planned:
    """`workload` with the statements that have plans; `plans` are those of their texts, in a row."""

    workload: Workload
    plans: list[Node]
    left: list[Left]


def planned(connection: Connection, workload: Workload, until: float) -> Planned:
    """Ask for the plan of every text, until a moment of the monotonic clock.

    Raises the reason of each where none is left.
    """
    refused: dict[int, Left] = {}
    plans: dict[int, list[Node]] = {}
    missing: PermissionMissing | None = None
    for place in heavy_first(workload.shapes):
        shape = workload.shapes[place]
        if len(plans) >= STATEMENTS_MIN and time.monotonic() > until:
            refused[place] = Left(shape.name, 0, NO_TIME)
            continue
        try:
            plans[place] = [explain(connection, checked)["Plan"] for checked in shape.checked]
        except TrimtabError as error:
            if connection.closed:
                raise
            missing = error if isinstance(error, PermissionMissing) else missing
            refused[place] = Left(shape.name, 0, error.message)
    if not plans:
        raise nothing_priced([*workload.left, *(refused[place] for place in sorted(refused))], missing)
    kept = sorted(plans)
    shapes = tuple(workload.shapes[place] for place in kept)
    flat = [plan for place in kept for plan in plans[place]]
    return Planned(replace(workload, shapes=shapes), flat, [refused[place] for place in sorted(refused)])


def heavy_first(shapes: Sequence[Shape]) -> list[int]:
    """Places of statements, those that take most of the workload's time first, as far as that was measured."""
    usual_ms = mean_call_ms((shape.calls, shape.mean_ms) for shape in shapes)
    return _by(shapes, [usual_ms] * len(shapes))


def heavy_by_cost(shapes: Sequence[Shape], plans: Sequence[Node]) -> list[int]:
    """The same where the plans of their texts are known: the planner's cost stands for what nobody measured."""
    costs: list[float] = []
    at = 0
    for shape in shapes:
        costs.append(sum(cost(plan) for plan in plans[at : at + len(shape.texts)]) / len(shape.texts))
        at += len(shape.texts)
    pairs = [(shape.mean_ms, one) for shape, one in zip(shapes, costs, strict=True) if shape.mean_ms is not None]
    ms_per_cost = sum(ms for ms, _ in pairs) / max(sum(one for _, one in pairs), 1e-9) if pairs else 1.0
    return _by(shapes, [one * ms_per_cost for one in costs])


def _by(shapes: Sequence[Shape], usual_ms: Sequence[float]) -> list[int]:
    def total_ms(place: int) -> float:
        known = shapes[place].mean_ms
        return shapes[place].calls * (usual_ms[place] if known is None else known)

    return sorted(range(len(shapes)), key=lambda place: -total_ms(place))
