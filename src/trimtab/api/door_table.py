"""Which door a request goes through, by the router's own rules: what is not declared cannot be made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope

from trimtab.app.doors import Door
from trimtab.model.access import Permission

OWN_PREFIX = "/api/trimtab/"
API_PATHS = ("/api/", "/v1/", "/jaeger/api/", "/elasticsearch/")


def is_api_path(path: str) -> bool:
    """Whether the answer is JSON rather than a page."""
    return path.startswith(API_PATHS) or path in ("/healthz", "/metrics", "/elasticsearch")


@dataclass(frozen=True, slots=True)
class Found:
    """A door, the parameters in the path, and the route behind the door (None: there is none)."""

    door: Door
    parameters: Mapping[str, object] = field(default_factory=dict)
    route: BaseRoute | None = None


class DoorTable:
    """Routes with their doors. ValueError where a route has none, or a door has no route."""

    def __init__(self, routes: Sequence[BaseRoute], doors: Iterable[Door]) -> None:
        declared: dict[tuple[str, str], Door] = {}
        for door in doors:
            for method in door.methods:
                if (door.path, method) in declared:
                    raise ValueError(f"{method} {door.path} is declared twice")
                declared[(door.path, method)] = door
        unused = set(declared)
        self._routes: list[tuple[BaseRoute, Mapping[str, Door]]] = []
        for route in routes:
            path, methods = _path_and_methods(route)
            known: dict[str, Door] = {}
            for method in methods:
                key = (path, "GET") if method == "HEAD" and (path, "HEAD") not in declared else (path, method)
                if key not in declared:
                    raise ValueError(f"{method} {path} says nowhere who may use it")
                known[method] = declared[key]
                unused.discard(key)
            self._routes.append((route, known))
        if unused:
            raise ValueError(f"doors without a route: {sorted(unused)}")
        plain = {key for key in declared if "{" not in key[0]}
        self._plain = {key: self._search({"type": "http", "path": key[0], "method": key[1]}) for key in plain}

    def find(self, scope: Scope) -> Found:
        """What a request meets. Where there is no route one has to be known to hear of it."""
        if not scope.get("root_path"):
            plain = self._plain.get((scope["path"], scope["method"]))
            if plain is not None:
                return plain
        return self._search(scope)

    def _search(self, scope: Scope) -> Found:
        for route, doors in self._routes:
            match, child = route.matches(scope)
            if match is Match.FULL and scope["method"] in doors:
                return Found(doors[scope["method"]], child.get("path_params", {}), route)
        path = str(scope["path"])
        is_api = is_api_path(path)
        # A program that took a wrong path of an API it knows from elsewhere is told so, not that it is no page of ours.
        foreign = is_api and not path.startswith(OWN_PREFIX)
        return Found(Door(path, (), Permission.LOOK, is_page=not is_api, only_reads=foreign))

    def doors(self) -> tuple[tuple[str, str, Door], ...]:
        """Every method and path with its door."""
        return tuple(
            (method, _path_and_methods(route)[0], door)
            for route, doors in self._routes
            for method, door in sorted(doors.items())
        )


def _path_and_methods(route: BaseRoute) -> tuple[str, Sequence[str]]:
    if isinstance(route, Route):
        return route.path, sorted(route.methods or ())
    if isinstance(route, Mount):
        return route.path, ("GET", "HEAD")
    raise ValueError(f"{route!r} is a kind of route that the guard does not know")
