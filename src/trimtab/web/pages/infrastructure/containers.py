"""`/infrastructure/containers`: what runs in containers here and in the engines that are named, the worst first."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response

from trimtab.app.infrastructure.answers import ContainerStory, containers_story
from trimtab.app.infrastructure.host_questions import quoted
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.infrastructure.tabs import TABS

ROWS = 200
LIMIT_WARN, LIMIT_BAD = 0.85, 0.95
THROTTLED_WARN, THROTTLED_BAD = 0.05, 0.25
HEALTH_TONES = {"healthy": "ok", "unhealthy": "bad", "starting": "live"}
STATE_TONES = {"running": "ok", "exited": "quiet", "terminated": "quiet", "created": "info", "paused": "warn"}


@dataclass(frozen=True, slots=True)
class ContainerView:
    """A container as it is drawn. `badness` is what the list is sorted by."""

    story: ContainerStory
    place: str
    cpu_ratio: float | None
    memory_tone: str
    throttled_tone: str
    health_tone: str
    state_tone: str
    href: str
    badness: float


def containers(asked: Asked) -> Response:
    """The page."""
    collecting = asked.service.infrastructure.containers
    told = containers_story(collecting.now)
    search = asked.query("q").strip().lower()[:200]
    views = [_view(one) for one in told.containers]
    found = [one for one in views if search in f"{one.place} {one.story.container.image}".lower()]
    found.sort(key=lambda one: (-one.badness, one.place))
    context = {
        "title": "Containers",
        "tabs": TABS,
        "told": told,
        "rows": found[:ROWS],
        "found_count": len(found),
        "all_count": len(views),
        "search": search,
        "problem": collecting.problem,
        "failed": [one for one in told.sources if one.state == "failed"],
        "not_set": [one for one in told.sources if one.state == "not set"],
        "left_out_count": sum(one.left_out_count for one in told.sources),
    }
    return asked.page("containers.html", "infrastructure", context, fragments=("containers",), ranged=False)


def _view(one: ContainerStory) -> ContainerView:
    seen = one.container
    place = "/".join([*(seen.labels[name] for name in ("namespace", "pod") if name in seen.labels), seen.name])
    cpu = one.cpu_cores / one.cpu_limit_cores if one.cpu_cores is not None and one.cpu_limit_cores else None
    health = HEALTH_TONES.get(seen.health, "quiet")
    state = STATE_TONES.get(seen.state, "bad" if seen.state.endswith(("Off", "Error", "Err")) else "info")
    memory, throttled = one.memory_ratio or 0.0, one.throttled_ratio or 0.0
    query = f'{{__name__=~"container_.+",id={quoted(seen.labels.get("id", f"/{seen.key}"))}}}'
    return ContainerView(
        one,
        place,
        cpu,
        "bad" if memory >= LIMIT_BAD else "warn" if memory >= LIMIT_WARN else "ok",
        "bad" if throttled >= THROTTLED_BAD else "warn" if throttled >= THROTTLED_WARN else "",
        health,
        state,
        f"/explore?{urlencode({'q': query})}",
        3.0 * (health == "bad") + 2.0 * (state == "bad") + memory + throttled,
    )
