"""What a server watches and collects now, as reasons for missing data need it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from trimtab.app.stack.reasons import Surroundings, SystemNow
from trimtab.observe.postgres.statements import NAME as STATEMENTS
from trimtab.observe.postgres.status import WatchState, WatchStatus

if TYPE_CHECKING:
    from trimtab.app.service import Service
    from trimtab.app.stack.reading import StackConfig


def surroundings_of(service: Service, config: StackConfig) -> Surroundings:
    """Of this moment."""
    host_problem = service.infrastructure.host.problem or ""
    if not service.config.host.collect:
        host_problem = "this machine is not read ([host] collect is false)"
    now_ms = service.now_ms()
    probes = [now for now in service.business.probing.now.values() if config.system in ("", now.probe.system)]
    measured = [now for now in probes if (found := now.current(now_ms)) is not None and found.value is not None]
    return Surroundings(
        [_system(status) for status in service.watch_statuses()],
        host_problem,
        Counter(now.probe.kind.value for now in probes),
        Counter(now.probe.kind.value for now in measured),
    )


def _system(status: WatchStatus) -> SystemNow:
    is_unread = status.state in (WatchState.UNREACHABLE, WatchState.STOPPED)
    problem = (status.last_error or status.state.value) if is_unread else ""
    lacks = {one.name: one.detail for one in status.capabilities if not one.available}
    every_s = status.intervals_s.get(STATEMENTS, 0.0)
    return SystemNow(status.system, status.slices_count > 0, problem, lacks | status.problems, every_s)
