"""`/infrastructure`: every host that sends node_exporter's series, this one among them; what is wrong comes first."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from trimtab.app.exploring.explorer import Explorer
from trimtab.app.infrastructure.hosts import HostRow, hosts_of
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.infrastructure.address import host_path
from trimtab.web.pages.infrastructure.figures import Figure, tone_of_use, waited
from trimtab.web.pages.infrastructure.tabs import TABS

ROWS = 200


@dataclass(frozen=True, slots=True)
class Share:
    """A utilisation in the list."""

    ratio: float | None
    tone: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HostView:
    """A host as it is drawn."""

    row: HostRow
    href: str
    cpu: Share
    memory: Share
    disk: Share
    storage: Share
    pressure: tuple[Figure, ...]


def hosts(asked: Asked) -> Response:
    """The page."""
    service = asked.service
    explorer = Explorer(service.querying, lambda: service.upstream)
    within = asked.within
    found = hosts_of(explorer, within.to_ms, service.infrastructure.own_labels)
    search = asked.query("q").strip()[:200]
    rows = [one for one in found.hosts if search.lower() in f"{one.instance} {one.job} {one.kernel}".lower()]
    now = service.infrastructure.host.now
    context = {
        "title": "Infrastructure",
        "tabs": TABS,
        "hosts": [_view(one) for one in rows[:ROWS]],
        "shown_count": min(len(rows), ROWS),
        "all_count": len(found.hosts),
        "found_count": len(rows),
        "search": search,
        "trouble": found.trouble,
        "at_ms": within.to_ms,
        "own_why": now.why,
        "own_problem": service.infrastructure.host.problem,
        "elsewhere": explorer.elsewhere,
    }
    return asked.page("infrastructure.html", "infrastructure", context, fragments=("hosts",))


def _view(one: HostRow) -> HostView:
    waiting = (("cpu", one.cpu_waiting_ratio), ("memory", one.memory_waiting_ratio), ("disk", one.io_waiting_ratio))
    disk = None if one.disk_ratio is None else min(one.disk_ratio, 1.0)
    return HostView(
        one,
        host_path(one.job, one.instance),
        Share(one.cpu_ratio, tone_of_use("cpu", one.cpu_ratio)),
        Share(one.memory_ratio, tone_of_use("memory", one.memory_ratio)),
        Share(disk, tone_of_use("disk", disk), one.disk_device),
        Share(one.storage_ratio, tone_of_use("filesystem", one.storage_ratio), one.storage_mountpoint),
        tuple(waited(name, share) for name, share in waiting if share is not None and share >= 0.01),
    )
