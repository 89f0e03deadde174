"""Settings that are right one by one and wrong together: with them nothing would ever be found, or judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trimtab.model.policy import Policy
from trimtab.model.retention import RetentionPolicy

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Disagreement:
    """`settings` are the names of those concerned, the one to change first."""

    settings: tuple[str, ...]
    message: str


def disagreements(policy: Policy, retention: RetentionPolicy) -> Iterator[Disagreement]:
    """Everything that does not go together.

    >>> list(disagreements(Policy(), RetentionPolicy()))
    []
    """
    yield from _gone_too_soon(policy, retention)
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


def _gone_too_soon(policy: Policy, retention: RetentionPolicy) -> Iterator[Disagreement]:
    """Sums go no sooner than what they were made of, and nothing goes while a verdict still needs it.

    >>> [found.message for found in _gone_too_soon(Policy(), RetentionPolicy(spans_days=60))]
    ['retention.span_minutes_days is 30, less than retention.spans_days (60)']
    """
    for longer, shorter in (("minutes_days", "statements_days"), ("span_minutes_days", "spans_days")):
        if getattr(retention, longer) < getattr(retention, shorter):
            yield Disagreement(
                (f"retention.{longer}", f"retention.{shorter}"),
                f"retention.{longer} is {getattr(retention, longer)}, less than retention.{shorter} "
                f"({getattr(retention, shorter)})",
            )
    watch = policy.watch
    needed_s = max(watch.baseline_slices_max * watch.slice_s + watch.deadline_s, policy.detect.window_s)
    if retention.statements_days * DAY_S < needed_s + DAY_S:
        yield Disagreement(
            ("retention.statements_days", "watch.deadline_s", "watch.baseline_slices_max", "detect.window_s"),
            f"retention.statements_days is {retention.statements_days}, less than the baseline, the watch and a day "
            f"(baseline_slices_max x slice_s + deadline_s = {needed_s:g} s)",
        )
