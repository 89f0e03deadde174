"""Changes of the sizes of groups that differ from look to look: for clouds that keep no list of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from trimtab.extend.clouds import ScalingEvent, ScalingGroup, ScalingOutcome


def changes(before: Iterable[ScalingGroup], after: Iterable[ScalingGroup]) -> list[ScalingEvent]:
    """One for each group whose wanted size is another one.

    >>> one = ScalingGroup("g", "web", "r", 2, 2, 1, 5, 0, 1000, "list")
    >>> from dataclasses import replace
    >>> [change] = changes([one], [replace(one, desired_count=4, at_ms=61_000)])
    >>> change.what, change.before_count, change.after_count
    ('size changed from 2 to 4', 2, 4)
    >>> changes([one], [replace(one, running_count=1)])
    []
    """
    sizes = {group.id: group for group in before}
    found: list[ScalingEvent] = []
    for group in after:
        old = sizes.get(group.id)
        if old is None or old.desired_count == group.desired_count:
            continue
        if old.desired_count is None or group.desired_count is None:
            continue
        text = f"{group.id}|{old.desired_count}|{group.desired_count}|{group.at_ms}"
        found.append(
            ScalingEvent(
                id=hashlib.blake2b(text.encode(), digest_size=12).hexdigest(),
                group=group.name,
                region=group.region,
                at_ms=group.at_ms,
                outcome=ScalingOutcome.DONE,
                what=f"size changed from {old.desired_count} to {group.desired_count}",
                source=f"difference of two looks: {group.source}",
                why=f"seen between two looks, {(group.at_ms - old.at_ms) / 1000:.0f} s apart",
                before_count=old.desired_count,
                after_count=group.desired_count,
            )
        )
    return found
