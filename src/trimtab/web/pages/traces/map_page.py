"""`/traces/map`: who calls whom in the range, as a drawing and as a table; each node and line leads to its traces."""

from __future__ import annotations

from starlette.responses import Response

from trimtab.model.errors import TrimtabError
from trimtab.store.traces.answers import ServiceEdge, ServiceMap, ServiceNode
from trimtab.web.errors import describe
from trimtab.web.pages import first_paint
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.traces.map_picture import MapPicture, map_picture
from trimtab.web.view import View, segment
from trimtab.web.words import sentence

KIND_WORDS = {"service": "service", "database": "database", "messaging": "queue", "external": "elsewhere"}

_BEGUN: first_paint.Begun[ServiceMap] = first_paint.begun()


def node_link(view: View, node: ServiceNode) -> str:
    """A service's own page; of what sent no spans, the traces that called it."""
    if node.kind == "service":
        return view.link(f"/traces/services/{segment(node.name)}")
    return view.link("/traces", peer=f"{node.kind}:{node.name}", kind=_caller_kind(node))


def edge_link(view: View, edge: ServiceEdge, callee: ServiceNode) -> str:
    """Traces in which one called the other."""
    if callee.kind == "service":
        return view.link("/traces", service=edge.callee, caller=edge.caller)
    peer = f"{callee.kind}:{callee.name}"
    return view.link("/traces", service=edge.caller, peer=peer, kind=_caller_kind(callee))


def service_map(asked: Asked) -> Response:
    """The page, or the map alone."""
    within = asked.within
    trouble, status = "", 200
    found = ServiceMap((), (), within.from_ms, within.to_ms, within.from_ms)
    is_coming = False
    try:
        key = (id(asked.service), within.from_ms, within.to_ms)
        answer = first_paint.in_time(asked, _BEGUN, key, lambda: asked.service.traces.service_map(*key[1:]))
        found, is_coming = answer or found, answer is None
    except TrimtabError as error:
        status, _, _, message = describe(error)
        trouble = sentence(message)
    if first_paint.is_late(asked):
        status = 200  # what a page asks for once it is there takes the place of what waits there, also where it failed
    picture: MapPicture | None = map_picture(found) if found.edges else None
    seconds = max((found.to_ms - found.looked_from_ms) / 1000, 1.0)
    context = {
        "title": "Service map",
        "found": found,
        "picture": picture,
        "by_name": {node.name: node for node in found.nodes},
        "seconds": seconds,
        "kind_words": KIND_WORDS,
        "node_link": node_link,
        "edge_link": edge_link,
        "trouble": trouble,
        "is_coming": is_coming,
        "server_url": asked.service.url,
    }
    return asked.page("trace_map.html", "traces", context, fragments=("map",), status=status, path="/traces/map")


def _caller_kind(node: ServiceNode) -> str:
    """The kind of the spans that call it."""
    return "producer" if node.kind == "messaging" else "client"
