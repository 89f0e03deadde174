"""The five faults, each as something that begins and is taken back. Tests check that each moves its numbers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from benchmarks.demo_day.injectors import lock_storm, memory_leak, plan_flip, slow_disk, traffic_surge
from benchmarks.demo_day.injectors.stage import Did, Stage
from benchmarks.demo_day.truth import Kind

INJECTORS: dict[Kind, Callable[[Stage, int], AbstractContextManager[Did]]] = {
    Kind.SLOW_DISK: slow_disk.inject,
    Kind.LOCK_STORM: lock_storm.inject,
    Kind.PLAN_FLIP: plan_flip.inject,
    Kind.MEMORY_LEAK: memory_leak.inject,
    Kind.TRAFFIC_SURGE: traffic_surge.inject,
}
"""Each begins when it is entered, and is taken back when it is left; the number draws its details."""
