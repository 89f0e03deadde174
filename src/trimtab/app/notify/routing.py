"""Which receivers an alert goes to, and with which others it is told: Alertmanager's tree of routes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trimtab.app.notify.matching import matches
from trimtab.model.alerts import Labels
from trimtab.model.silences import Matcher

GROUP_WAIT_MS, GROUP_INTERVAL_MS, REPEAT_INTERVAL_MS = 30_000, 300_000, 4 * 3_600_000
"""Alertmanager's."""
ALL_LABELS = "..."


@dataclass(frozen=True, slots=True)
class Route:
    """One node. What a node does not say it has from the one above it. `id` names it among all of them."""

    id: str
    receiver: str
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] = ()
    group_wait_ms: int = GROUP_WAIT_MS
    group_interval_ms: int = GROUP_INTERVAL_MS
    repeat_interval_ms: int = REPEAT_INTERVAL_MS
    is_continued: bool = False
    routes: tuple[Route, ...] = ()

    def everything(self) -> Iterator[Route]:
        """This one and all below it."""
        yield self
        for route in self.routes:
            yield from route.everything()


def routes_for(root: Route, labels: Mapping[str, str]) -> tuple[Route, ...]:
    """The nodes that take an alert: of the nodes below, the first that fits (and the next ones where it says
    `continue`); where none fits, the node itself.

    >>> page = Route("p", "pager", (Matcher("severity", "page"),))
    >>> root = Route("r", "mail", routes=(page,))
    >>> [found.receiver for found in (*routes_for(root, {"severity": "page"}), *routes_for(root, {}))]
    ['pager', 'mail']
    """
    if not matches(root.matchers, labels):
        return ()
    found: list[Route] = []
    for route in root.routes:
        taken = routes_for(route, labels)
        found.extend(taken)
        if taken and not route.is_continued:
            break
    return tuple(found) or (root,)


def group_labels(route: Route, labels: Labels) -> Labels:
    """The labels that an alert shares with those it is told with."""
    if ALL_LABELS in route.group_by:
        return labels
    return tuple((name, value) for name, value in labels if name in route.group_by)


def group_key(route: Route, shared: Labels) -> str:
    """The name of a group, the same after a restart.

    >>> group_key(Route("{}", "mail", group_by=("job",)), (("job", "shop"),))
    '{}:{job="shop"}'
    """
    return f"{route.id}:{{{', '.join(str(Matcher(name, value)) for name, value in shared)}}}"


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an alert fires that fits `source`, alerts that fit `target` and have the same values of `equal` are not
    told. One that fits both is never kept quiet by another one that does."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()

    def is_source(self, labels: Mapping[str, str]) -> bool:
        """Whether it keeps others quiet."""
        return matches(self.source, labels)

    def inhibits(self, source: Mapping[str, str], target: Mapping[str, str]) -> bool:
        """Whether one that fires keeps the other quiet."""
        if not matches(self.target, target) or not self.is_source(source):
            return False
        if any(source.get(name, "") != target.get(name, "") for name in self.equal):
            return False
        return not (matches(self.target, source) and self.is_source(target))
