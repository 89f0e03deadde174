"""How a server stands, in one answer: what runs, what is watched, what is in flight, what a person should mend."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from trimtab.store.case_search import open_cases_by_system
from trimtab.store.state import State

if TYPE_CHECKING:
    from trimtab.app.service import Service

Json = dict[str, Any]


def status_of(service: Service, started_s: float) -> Json:
    """All of it; `started_s` is when the server began, by the monotonic clock."""
    alive = service.state.changes(alive=True)
    return {
        "url": service.url,
        "uptime_s": time.monotonic() - started_s,
        "frozen": service.state.kill_switch(),
        "systems": service.systems(),
        "cases_open_count": sum(open_cases_by_system(service.state.database).values()),
        "changes_in_flight": [msgspec.to_builtins(change) for change in alive if change.state.is_in_flight],
        "changes_waiting_count": sum(not change.state.is_in_flight for change in alive),
        "ledger": service.chain(),
        "telemetry": msgspec.to_builtins(service.telemetry.status()),
        "own_problem": service.own.problem,
        "policy": msgspec.to_builtins(service.policy_of("")),
        "config": _config_file(service),
        "warnings": list(service.warnings()),
        "freezes": msgspec.to_builtins(service.steering.freezes()),
        "needs_yes": service.needs_yes(),
    }


def _config_file(service: Service) -> Json:
    """The file, and what is wrong with it."""
    file: Json = msgspec.to_builtins(service.policies.file.status())
    ignored = service.policies.ignored(system.name for system in service.state.systems())
    return {**file, "overrides_ignored_count": len(ignored)}


def chain_of(state: State) -> Json:
    """The ledger's hash chain: whether it is intact, and how far and when that was looked at."""
    status = state.chain.now()
    report = status.report
    return {
        "entries_count": report.entries_count,
        "intact": report.intact,
        "problem": report.problem,
        "broken_at_seq": report.broken_at_seq,
        "to_do": status.broken,
        "whole_at_ms": status.whole_at_ms,
        "checked_at_ms": status.checked_at_ms,
    }
