"""Functions that look at each sample by itself, at the time, or at which samples there are."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from trimtab.store.promql.evaluation import Evaluation, Value, function
from trimtab.store.promql.range_functions import absence
from trimtab.store.promql.selectors import block_for, indexes_of
from trimtab.store.promql.syntax import Call, Selector, unwrapped
from trimtab.store.promql.vector import Bools, Floats, Scalar, Steps, Vector, empty, merged, nameless


def _sign(values: Floats) -> Floats:
    return np.where(values < 0, -1.0, np.where(values > 0, 1.0, values))


def _log2(values: Floats) -> Floats:
    """As Go does it, so that powers of two are exact."""
    fraction, exponent = np.frexp(values)
    exact = np.log(fraction) * (1 / math.log(2)) + exponent
    return np.where(np.isfinite(values) & (values > 0), np.where(fraction == 0.5, exponent - 1, exact), np.log2(values))


ELEMENTWISE: dict[str, Callable[[Floats], Floats]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": lambda values: values * 180 / math.pi,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": _log2,
    "rad": lambda values: values * math.pi / 180,
    "sgn": _sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}


def numbers_only(vector: Vector) -> Vector:
    """The vector without its histograms."""
    if vector.histograms is None:
        return vector
    return replace(vector, present=vector.has_number, histograms=None).compacted()


def mapped(evaluation: Evaluation, vector: Vector, work: Callable[[Floats], Floats]) -> Vector:
    """Each number of a vector becomes another one, which is no longer of that metric."""
    vector = numbers_only(vector)
    with np.errstate(all="ignore"):
        values = work(vector.values)
    return merged(nameless(replace(vector, values=values), is_late=evaluation.options.removes_names_late))


@function(*ELEMENTWISE)
def eval_elementwise(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """A function of mathematics."""
    return mapped(evaluation, evaluation.vector(call.arguments[0], steps), ELEMENTWISE[call.name])


@function("round")
def eval_round(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """To the nearest multiple, halves up."""
    vector = evaluation.vector(call.arguments[0], steps)
    nearest = evaluation.scalar(call.arguments[1], steps).values if len(call.arguments) > 1 else np.ones(steps.count)
    with np.errstate(all="ignore"):
        inverse = 1.0 / nearest
    return mapped(evaluation, vector, lambda values: np.floor(values * inverse + 0.5) / inverse)


@function("clamp", "clamp_min", "clamp_max")
def eval_clamp(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """Not below one number, not above another; nothing where they cross."""
    vector = evaluation.vector(call.arguments[0], steps)
    limits = [evaluation.scalar(argument, steps).values for argument in call.arguments[1:]]
    low = np.full(steps.count, -np.inf) if call.name == "clamp_max" else limits[0]
    high = np.full(steps.count, np.inf) if call.name == "clamp_min" else limits[-1]
    vector = replace(vector, present=vector.present & ~(high < low)).compacted()
    return mapped(evaluation, vector, lambda values: np.maximum(low, np.minimum(high, values)))


@function("min_of", "max_of")
def eval_min_of(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """The smaller or the greater of two scalars."""
    left, right = (evaluation.scalar(argument, steps).values for argument in call.arguments)
    return Scalar(np.minimum(left, right) if call.name == "min_of" else np.maximum(left, right))


@function("pi")
def eval_pi(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """π."""
    del evaluation, call
    return Scalar(np.full(steps.count, math.pi))


@function("time")
def eval_time(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """The time of each step, in seconds."""
    del evaluation, call
    return Scalar(steps.times_ms / 1000.0)


@function("start", "end", "range", "step")
def eval_context(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """Begin, end, length and step of the query, in seconds."""
    start_ms, end_ms = evaluation.whole.start_ms, evaluation.end_ms
    value_ms = {
        "start": start_ms,
        "end": end_ms,
        "range": end_ms - start_ms,
        "step": evaluation.whole.step_ms if end_ms != start_ms else 0,
    }[call.name]
    return Scalar(np.full(steps.count, value_ms / 1000.0))


@function("vector")
def eval_vector(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """A scalar as a vector with one series without labels."""
    values = evaluation.scalar(call.arguments[0], steps).values
    return Vector([()], values[np.newaxis, :].copy(), np.ones((1, steps.count), dtype=np.bool_))


@function("scalar")
def eval_scalar(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """The number of the only series; NaN where there is none, or more than one."""
    vector = numbers_only(evaluation.vector(call.arguments[0], steps))
    values = np.where(vector.present, vector.values, 0.0).sum(axis=0)
    return Scalar(np.where(vector.present.sum(axis=0) == 1, values, np.nan))


@function("absent")
def eval_absent(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """1 where there is no series at all."""
    vector = evaluation.vector(call.arguments[0], steps)
    is_absent: Bools = ~np.any(vector.present, axis=0)
    return absence(call.arguments[0], is_absent)


@function("timestamp", "start_timestamp")
def eval_timestamp(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """When each sample was taken (of a selector), or the time of the step (of anything else)."""
    node = unwrapped(call.arguments[0])
    is_late = evaluation.options.removes_names_late
    if isinstance(node, Selector):
        block, times = block_for(evaluation, node, steps)
        index = indexes_of(evaluation, node, block, times)
        at_ms = block.at_ms
        if call.name == "start_timestamp":
            at_ms = np.zeros(len(at_ms), dtype=np.int64) if block.start_ms is None else block.start_ms
        values = np.append(at_ms, 0)[index] / 1000.0
        return merged(nameless(Vector(block.labels, values, index >= 0).compacted(), is_late=is_late))
    if call.name == "start_timestamp":
        return empty(steps.count)
    vector = evaluation.vector(node, steps)
    values = np.broadcast_to(steps.times_ms / 1000.0, vector.present.shape).copy()
    return merged(nameless(replace(vector, values=values, histograms=None), is_late=is_late))
