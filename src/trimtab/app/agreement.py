"""Settings that are right one by one and wrong together: with them nothing would ever be found, or judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trimtab.model.policy import Policy


@dataclass(frozen=True, slots=True)
class Disagreement:
    """`settings` are the names of those concerned, the one to change first."""

    settings: tuple[str, ...]
    message: str


def disagreements(policy: Policy) -> Iterator[Disagreement]:
    """Everything that does not go together.

    >>> list(disagreements(Policy()))
    []
    """
    watch, detect = policy.watch, policy.detect
    if watch.baseline_slices_max < watch.baseline_slices_min:
        yield Disagreement(
            ("watch.baseline_slices_max", "watch.baseline_slices_min"),
            f"watch.baseline_slices_max is {watch.baseline_slices_max}, less than watch.baseline_slices_min "
            f"({watch.baseline_slices_min})",
        )
    elif watch.baseline_slices_max < watch.settle_slices_min:
        yield Disagreement(
            ("watch.settle_slices_min", "watch.baseline_slices_max"),
            f"watch.settle_slices_min is {watch.settle_slices_min}, more than watch.baseline_slices_max "
            f"({watch.baseline_slices_max})",
        )
    needed = watch.batch_slices * watch.batches_min
    longest_s = (watch.warm_up_slices + watch.watch_slices_max) * watch.slice_s
    if watch.watch_slices_max < needed:
        yield Disagreement(
            ("watch.watch_slices_max", "watch.batch_slices", "watch.batches_min"),
            f"watch.watch_slices_max is {watch.watch_slices_max}, less than batch_slices x batches_min ({needed})",
        )
    elif longest_s > watch.deadline_s:
        yield Disagreement(
            ("watch.deadline_s", "watch.watch_slices_max", "watch.slice_s", "watch.warm_up_slices"),
            f"watch.deadline_s is {watch.deadline_s:g}, less than the longest watch "
            f"((warm_up_slices + watch_slices_max) x slice_s = {longest_s:g} s)",
        )
    if detect.slices_min * watch.slice_s > detect.window_s:
        yield Disagreement(
            ("detect.window_s", "detect.slices_min", "watch.slice_s"),
            f"detect.window_s is {detect.window_s:g}, less than slices_min x watch.slice_s "
            f"({detect.slices_min * watch.slice_s:g} s)",
        )
