"""The service map as a drawing: where each node and each line stands. Numbers are of an SVG, one unit a pixel.

A call over several layers goes through places that are kept free for it, so no line runs under a node. Lines that
arrive at one node arrive below each other, and their words stand before their heads.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from trimtab.store.traces.answers import ServiceEdge, ServiceMap, ServiceNode
from trimtab.web.pages.traces.layers import layers_of

NODES_MAX = 60
"""Of more, those with most calls are drawn; all are in the table."""
NODE_WIDTH, NODE_HEIGHT = 172, 52
GAP_X, GAP_Y = 196, 24
WAY_HEIGHT = 20
"""Of a place that a line goes through."""
PORT = 17
"""Between two lines that arrive at one node: a line of words."""
PAD = 14
LOOP = 44
NAME_CHARS = 22
STROKE_MIN, STROKE_MAX = 1.2, 5.0


@dataclass(frozen=True, slots=True)
class Box:
    """One node; `x` and `y` are of its left upper corner."""

    node: ServiceNode
    x: float
    y: float
    height: float
    name: str


@dataclass(frozen=True, slots=True)
class Line:
    """One edge: a path with a head; `x` and `y` are where its words end."""

    edge: ServiceEdge
    path: str
    head: str
    stroke: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class MapPicture:
    """All of it. `left_out` nodes are only in the tables."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: float
    height: float
    left_out: int


@dataclass(frozen=True, slots=True)
class _Way:
    """A place in a layer that the line of an edge goes through."""

    caller: str
    callee: str
    layer: int


def map_picture(found: ServiceMap) -> MapPicture:
    """The drawing of the map."""
    traffic: dict[str, int] = {}
    for edge in found.edges:
        for name in (edge.caller, edge.callee):
            traffic[name] = traffic.get(name, 0) + edge.calls
    busy = sorted(found.nodes, key=lambda node: (-traffic.get(node.name, 0), node.name))[:NODES_MAX]
    nodes = {node.name: node for node in sorted(busy, key=lambda node: node.name) if node.name in traffic}
    edges = [edge for edge in found.edges if edge.caller in nodes and edge.callee in nodes]
    layers, ways = _layers_with_ways(list(nodes), edges)
    arrivals = {name: sum(1 for edge in edges if edge.callee == name) for name in nodes}
    heights: dict[Hashable, float] = {
        name: max(NODE_HEIGHT, PORT * count + 12 if count > 2 else 0.0) for name, count in arrivals.items()
    }
    tops, tall = _tops(layers, heights)
    layer_of = {one: number for number, layer in enumerate(layers) for one in layer}
    boxes = {
        name: Box(node, _left(layer_of[name]), tops[name], heights[name], _short(name)) for name, node in nodes.items()
    }
    most = max((edge.calls for edge in edges), default=1)
    ports = _ports(edges, boxes, ways, tops)
    lines = [_line(edge, boxes, ways, tops, ports[edge.caller, edge.callee], most) for edge in edges]
    has_loops = any(layer_of[edge.caller] >= layer_of[edge.callee] for edge in edges)
    width = _left(len(layers) - 1) + NODE_WIDTH + PAD + (LOOP if has_loops else 0)
    return MapPicture(
        tuple(boxes.values()), tuple(lines), width, tall + (LOOP if has_loops else 0), len(found.nodes) - len(boxes)
    )


def _layers_with_ways(
    names: Sequence[str], edges: Sequence[ServiceEdge]
) -> tuple[list[list[Hashable]], dict[tuple[str, str], list[_Way]]]:
    """Layers with nodes and ways in them, and the ways of each edge that is longer than one layer."""
    pairs: list[tuple[Hashable, Hashable]] = [(edge.caller, edge.callee) for edge in edges]
    layer_of = {one: number for number, layer in enumerate(layers_of(names, pairs)) for one in layer}
    chained: list[tuple[Hashable, Hashable]] = []
    ways: dict[tuple[str, str], list[_Way]] = {}
    for edge in edges:
        first, last = layer_of[edge.caller], layer_of[edge.callee]
        between = [_Way(edge.caller, edge.callee, layer) for layer in range(first + 1, last)]
        ways[edge.caller, edge.callee] = between
        chain = [edge.caller, *between, edge.callee]
        chained += pairwise(chain)
    everything: list[Hashable] = [*names, *(way for between in ways.values() for way in between)]
    return layers_of(everything, chained), ways


def _tops(layers: Sequence[Sequence[Hashable]], heights: dict[Hashable, float]) -> tuple[dict[Hashable, float], float]:
    """The upper end of everything, each layer in the middle; and how tall it all is."""
    sizes = [sum(heights.get(one, WAY_HEIGHT) + GAP_Y for one in layer) - GAP_Y for layer in layers]
    tall = max(sizes, default=0.0)
    tops: dict[Hashable, float] = {}
    for layer, size in zip(layers, sizes, strict=True):
        gap = GAP_Y + (tall - size) / (len(layer) + 1)
        at = PAD + (tall - size) / (len(layer) + 1)
        for one in layer:
            tops[one] = round(at, 1)
            at += heights.get(one, WAY_HEIGHT) + gap
    return tops, round(tall + 2 * PAD, 1)


def _ports(
    edges: Sequence[ServiceEdge],
    boxes: dict[str, Box],
    ways: dict[tuple[str, str], list[_Way]],
    tops: dict[Hashable, float],
) -> dict[tuple[str, str], float]:
    """How far down of its callee each line arrives: from above to below as they come."""

    def comes_from(edge: ServiceEdge) -> float:
        between = ways[edge.caller, edge.callee]
        return tops[between[-1]] if between else tops[edge.caller] + boxes[edge.caller].height / 2

    found: dict[tuple[str, str], float] = {}
    for name, box in boxes.items():
        arriving = sorted(
            (edge for edge in edges if edge.callee == name), key=lambda one: (comes_from(one), one.caller)
        )
        for place, edge in enumerate(arriving):
            found[edge.caller, name] = box.y + box.height / 2 + (place - (len(arriving) - 1) / 2) * PORT
    return found


def _line(
    edge: ServiceEdge,
    boxes: dict[str, Box],
    ways: dict[tuple[str, str], list[_Way]],
    tops: dict[Hashable, float],
    port: float,
    most: int,
) -> Line:
    a, b = boxes[edge.caller], boxes[edge.callee]
    stroke = round(STROKE_MIN + (STROKE_MAX - STROKE_MIN) * (math.log1p(edge.calls) / math.log1p(most)) ** 2, 1)
    reach = 6 + stroke
    x, y = a.x + NODE_WIDTH, a.y + a.height / 2
    end = b.x - reach
    head = f"M{b.x:g} {port:g}L{end:g} {port - 3 - stroke / 2:g}V{port + 3 + stroke / 2:g}Z"
    path = f"M{x:g} {y:g}"
    if a.x >= b.x:  # to the left, or to itself: around below
        low = max(a.y + a.height, b.y + b.height) + LOOP
        path += f"C{x + LOOP:g} {low:g} {end - LOOP:g} {low:g} {end:g} {port:g}"
        return Line(edge, path, head, stroke, round(end - 4, 1), round(port - 5 - stroke / 2, 1))
    for way in ways[edge.caller, edge.callee]:
        left, level = _left(way.layer), tops[way] + WAY_HEIGHT / 2
        bend = (left - x) / 2
        path += f"C{x + bend:g} {y:g} {left - bend:g} {level:g} {left:g} {level:g}H{left + NODE_WIDTH:g}"
        x, y = left + NODE_WIDTH, level
    # it bends at first, and is level where its words stand
    turn = x + (end - x) * 0.36
    bend = (turn - x) / 2
    path += f"C{x + bend:g} {y:g} {turn - bend:g} {port:g} {turn:g} {port:g}H{end:g}"
    return Line(edge, path, head, stroke, round(end - 2, 1), round(port - 3 - stroke / 2, 1))


def _left(layer: int) -> float:
    return float(PAD + layer * (NODE_WIDTH + GAP_X))


def _short(name: str) -> str:
    return name if len(name) <= NAME_CHARS else f"{name[: NAME_CHARS - 1]}…"
