"""`/infrastructure/hosts/{job}/{instance}`: one host at the end of the range: what is busy, what waits, what went
wrong, who does it; the same over time; databases, cases and alerts that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from starlette.responses import Response

from trimtab.app.exploring.explorer import Explorer
from trimtab.app.infrastructure.host_questions import CHARTS, asked_of
from trimtab.app.infrastructure.hosts import HostFacts, host_of
from trimtab.observe.host.processes import Busiest
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.infrastructure.address import read
from trimtab.web.pages.infrastructure.figures import cores_of, rows_of
from trimtab.web.pages.infrastructure.tabs import TABS

if TYPE_CHECKING:
    from trimtab.app.reading.ranges import Range
    from trimtab.app.service import Service

FRESH_MS = 60_000
"""A range that ends so lately shows processes as they are now."""
PROCESSES_MAX = 12
POINTS = 600
PICTURES = (  # the query, names of its lines, title, unit, kind, note
    ("cpu", "named/{mode}/", "Processors by mode", "%", "line", "Share of all cores: 100 % is all of them."),
    (
        "busiest",
        "ranked/{groupname}/",
        "Busiest programs",
        "cores",
        "line",
        "Processes of one name together; 1 keeps one core busy.",
    ),
    ("pressure", "named/{waiting_for}/", "Pressure: share of time in which tasks waited", "%", "line", None),
    ("memory", "named/{what}/", "Memory", "bytes", "line", None),
    ("disk", "named/{device}/", "Disks: share of time with work", "%", "line", None),
    ("latency", "named/{device} {kind}/", "Disks: how long a request takes", "ms", "line", None),
    ("network", "named/{device} {direction}/", "Network", "bytes/s", "line", None),
    ("storage", "named/{mountpoint}/", "File systems: how full, as df counts it", "%", "free", None),
)
EVERYTHING = '{__name__=~"node_load.",$match}'
LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Picture:
    """One chart."""

    id: str
    title: str
    unit: str
    kind: str
    note: str | None
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Processes of one name."""

    name: str
    cores: float
    resident_bytes: float | None
    count: float | None


@dataclass(frozen=True, slots=True)
class Database:
    """A watched system on this host."""

    name: str
    cases_count: int
    href: str


def host(asked: Asked) -> Response:
    """The page."""
    service, within = asked.service, asked.within
    job, instance = read(asked.path("job")), read(asked.path("instance"))
    explorer = Explorer(service.querying, lambda: service.upstream)
    facts = host_of(explorer, job, instance, within.to_ms)
    is_own = (job, instance) == service.infrastructure.own_labels
    is_now = within.is_live or within.to_ms >= service.now_ms() - FRESH_MS
    now = service.infrastructure.host.now
    seen = facts.one("seen")
    context = {
        "title": instance,
        "tabs": TABS,
        "charts": True,
        "facts": facts,
        "at_ms": within.to_ms,
        "info": facts.labels("info"),
        "booted_ms": _ms(facts.one("booted")),
        "seen_ms": _ms(seen),
        "is_silent": facts.one("is_new") is None and seen is not None,
        "rows": rows_of(facts),
        "per_core": cores_of(facts),
        "cores": facts.one("cores"),
        "loads": [facts.one(name) for name in ("load", "load5", "load15")],
        "is_own": is_own,
        "busiest": _cut(now.busiest) if is_own and is_now and not now.why else None,
        "groups": _groups(facts),
        "pictures": [_picture(one, job, instance, within) for one in PICTURES],
        "databases": _databases(service, instance, is_own=is_own),
        "alerts": _alerts(facts),
        "failed": [] if not is_own else [(name, one.why) for name, one in now.went.items() if _failed(one)],
        "absent": [] if not is_own else [(name, one.why) for name, one in now.went.items() if one.is_absent],
        "silent_collectors": sorted(facts.by("failed", "collector")),
        "explore": f"/explore?{urlencode({'q': asked_of(EVERYTHING, job, instance)})}",
    }
    return asked.page("host.html", "infrastructure", context, fragments=("now",), path=asked.request.url.path)


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _failed(went: object) -> bool:
    return bool(getattr(went, "why", "")) and not getattr(went, "is_absent", False)


def _cut(busiest: Busiest) -> Busiest:
    return Busiest(
        busiest.at_ms,
        busiest.interval_ms,
        busiest.by_cpu[:PROCESSES_MAX],
        busiest.by_memory[: PROCESSES_MAX // 2],
        busiest.why,
    )


def _groups(facts: HostFacts) -> list[Group]:
    memory, counts = facts.by("groups_memory", "groupname"), facts.by("groups_count", "groupname")
    cores = facts.by("groups_cpu", "groupname")
    return [
        Group(name, used, memory.get(name), counts.get(name))
        for name, used in sorted(cores.items(), key=lambda one: -one[1])
    ]


def _picture(about: tuple[str, str, str, str, str, str | None], job: str, instance: str, within: Range) -> Picture:
    name, lines, title, unit, kind, note = about
    step_s = max((within.to_ms - within.from_ms) // 1000 // POINTS, 1)
    window = f"{max(120, 2 * step_s)}s"
    key = f"{lines}{asked_of(CHARTS[name], job, instance, window)}"
    return Picture(f"host-{name}", title, unit, kind, note, (key,))


def _databases(service: Service, instance: str, *, is_own: bool) -> list[Database]:
    """Watched systems whose address is this host's; what a reference hides (`env:`, `service=`) is not known."""
    names = {instance, instance.rpartition(":")[0] or instance}
    if is_own:
        names |= LOCAL
    found = []
    for system in service.systems():
        told = urlsplit(str(system.get("dsn", "")))
        place = told.hostname or ""
        if told.scheme == "postgresql" and (place in names or (is_own and place.startswith("%2f"))):
            name = str(system["name"])
            found.append(Database(name, _open_cases(service, name), f"/?{urlencode({'system': name})}"))
    return found


def _open_cases(service: Service, system: str) -> int:
    from trimtab.store.case_search import open_cases_by_system

    return open_cases_by_system(service.state.database).get(system, 0)


def _alerts(facts: HostFacts) -> list[tuple[str, str]]:
    """Names and severities of what fires for this host."""
    told = [dict(row.labels) for row in facts.rows.get("alerts", ())]
    return sorted({(one.get("alertname", ""), one.get("severity", "")) for one in told})
