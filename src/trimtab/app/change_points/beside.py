"""What stands beside a change of level: what happened within some minutes of it, nearest first. Not: why it came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trimtab.app.reading.answers import Mark
from trimtab.app.reading.marks import marks_of
from trimtab.app.reading.ranges import Range
from trimtab.model.change_points import Beside, KeptChangePoint

if TYPE_CHECKING:
    from trimtab.store.state import State
    from trimtab.store.telemetry import TelemetryStore

BESIDE_MAX = 10
CHANGES_MAX = 100
"""Of so many changes of a round, the newest, what stands beside them is looked for."""
EARLIER_MS = 3_600_000
"""So long before, a service has to have shown itself with another version for the new one to be a deployment."""
VERSION = "service.version"

_VERSIONS = (
    "SELECT service_name, toString(resource) AS resource_, intDiv(min(started_at_ns), 1000000) AS first_ms,"
    " intDiv(max(started_at_ns), 1000000) AS last_ms FROM spans"
    " WHERE started_at_ns >= {start:Int64} * 1000000 AND started_at_ns < {end:Int64} * 1000000"
    " AND position(resource, 'service.version') > 0"
    " GROUP BY service_name, resource ORDER BY service_name LIMIT 2000"
)


@dataclass(frozen=True, slots=True)
class Stores:
    """What is asked."""

    telemetry: TelemetryStore
    state: State


def with_beside(changes: Sequence[KeptChangePoint], stores: Stores, beside_ms: int) -> list[KeptChangePoint]:
    """The same changes, each with what happened within `beside_ms` before or after it; newest ones first."""
    told: list[KeptChangePoint] = []
    for one in sorted(changes, key=lambda each: -each.at_ms):
        if len(told) >= CHANGES_MAX:
            told.append(one)
            continue
        within = Range(one.at_ms - beside_ms, one.at_ms + beside_ms + 1)
        found = [*_of_servers(one, stores, within), *deployments(stores.telemetry, within, one.service)]
        placed = [replace(each, away_ms=each.at_ms - one.at_ms) for each in found]
        placed.sort(key=lambda each: (abs(each.away_ms), each.text))
        told.append(replace(one, beside=tuple(placed[:BESIDE_MAX])))
    return told


def _of_servers(one: KeptChangePoint, stores: Stores, within: Range) -> list[Beside]:
    """Of its own system; of what belongs to none, of all."""
    systems = [one.system] if one.system else [known.name for known in stores.state.systems()]
    fingerprints = [one.fingerprint] if one.fingerprint else []
    marks = marks_of(stores.telemetry, stores.state, systems, within, fingerprints, has_levels=False)
    return [_of_mark(mark, one) for mark in marks if mark.kind != "finding"]


def _of_mark(mark: Mark, one: KeptChangePoint) -> Beside:
    kind, href = mark.kind, ""
    if mark.case_id is not None:
        href = f"/cases/{mark.case_id}"
    if kind == "event":
        if mark.label.startswith("plan of "):
            kind, href = "plan", one.href
        elif " → " in mark.label:
            kind = "setting"
    return Beside(kind, mark.at_ms, 0, mark.label, mark.system, href)


def deployments(telemetry: TelemetryStore, within: Range, service: str = "") -> list[Beside]:
    """Services whose spans carry another `service.version` from some moment in the range on; `service`: only this one.

    A version is new where its first span is in the range, and spans of the same service had another one up to an hour
    before.
    """
    window = {"start": within.from_ms - EARLIER_MS, "end": within.to_ms}
    seen: dict[str, dict[str, int]] = {}
    for row in telemetry.query(_VERSIONS, window).to_pylist():
        name, version = str(row["service_name"]), version_of(str(row["resource_"]))
        if version and (not service or name == service):
            firsts = seen.setdefault(name, {})
            firsts[version] = min(int(row["first_ms"]), firsts.get(version, within.to_ms))
    found = []
    for name, firsts in seen.items():
        for version, first_ms in firsts.items():
            before = [other for other, at_ms in firsts.items() if other != version and at_ms < first_ms]
            if first_ms >= within.from_ms and before:
                last = max(before, key=lambda other: firsts[other])
                text = f"{name} {version} (before: {last})"
                found.append(Beside("deployment", first_ms, 0, text, "", f"/traces/services/{name}"))
    return found


def version_of(resource: str) -> str:
    """The version in a resource as it is stored; '' where there is none.

    >>> version_of('{"service.version":"1.4.2","host.name":"a"}'), version_of("")
    ('1.4.2', '')
    """
    attributes = json.loads(resource) if resource else {}
    version = attributes.get(VERSION, "") if isinstance(attributes, dict) else ""
    return version[:100] if isinstance(version, str) else ""
