"""Puts the nodes of a map into layers from left to right, so that most calls go to the right and few lines cross.

The longest way to a node says its layer; a call that would close a circle is turned around for that, and drawn back
to the left. Inside of a layer nodes stand near the middle of those that they are joined with (some rounds of that).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

ROUNDS = 8

Edges = Sequence[tuple[Hashable, Hashable]]


def layers_of(nodes: Sequence[Hashable], edges: Edges) -> list[list[Hashable]]:
    """The nodes of each layer, from top to bottom.

    >>> layers_of(["db", "web", "orders"], [("web", "orders"), ("orders", "db"), ("web", "db"), ("db", "web")])
    [['web'], ['orders'], ['db']]
    """
    known = set(nodes)
    forward = _without_circles(nodes, [(a, b) for a, b in edges if a in known and b in known and a != b])
    depth = _depths(nodes, forward)
    layers: list[list[Hashable]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in nodes:
        layers[depth[node]].append(node)
    before: dict[Hashable, list[Hashable]] = {node: [] for node in nodes}
    after: dict[Hashable, list[Hashable]] = {node: [] for node in nodes}
    for a, b in forward:
        before[b].append(a)
        after[a].append(b)
    for number in range(ROUNDS):
        order = range(1, len(layers)) if number % 2 == 0 else range(len(layers) - 2, -1, -1)
        near = before if number % 2 == 0 else after
        places = _places(layers)
        for at in order:
            layers[at].sort(key=lambda node: (_middle(node, near, places), str(node)))
            places |= _places([layers[at]])
    return layers


def _middle(node: Hashable, near: Mapping[Hashable, Sequence[Hashable]], places: Mapping[Hashable, float]) -> float:
    return sum(places[one] for one in near[node]) / len(near[node]) if near[node] else places[node]


def _places(layers: Sequence[Sequence[Hashable]]) -> dict[Hashable, float]:
    """How far down each node stands, 0 to 1."""
    return {node: (at + 0.5) / len(layer) for layer in layers for at, node in enumerate(layer)}


def _without_circles(nodes: Sequence[Hashable], edges: Edges) -> list[tuple[Hashable, Hashable]]:
    """The edges, those that would close a circle turned around."""
    outgoing: dict[Hashable, list[Hashable]] = {node: [] for node in nodes}
    incoming = dict.fromkeys(nodes, 0)
    for a, b in edges:
        outgoing[a].append(b)
        incoming[b] += 1
    rank: dict[Hashable, int] = {}
    open_: set[Hashable] = set()
    back: set[tuple[Hashable, Hashable]] = set()
    # who is called by nobody comes first
    for start in sorted(nodes, key=lambda node: (incoming[node] > 0, incoming[node] - len(outgoing[node]))):
        stack = [(start, iter(outgoing[start]))] if start not in rank else []
        if stack:
            rank[start] = len(rank)
            open_.add(start)
        while stack:
            node, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                open_.discard(node)
                stack.pop()
            elif following in open_:
                back.add((node, following))
            elif following not in rank:
                rank[following] = len(rank)
                open_.add(following)
                stack.append((following, iter(outgoing[following])))
    turned = [(b, a) if (a, b) in back else (a, b) for a, b in edges]
    return list(dict.fromkeys(turned))


def _depths(nodes: Sequence[Hashable], edges: Edges) -> dict[Hashable, int]:
    """The longest way to each node; there is no circle."""
    incoming = dict.fromkeys(nodes, 0)
    outgoing: dict[Hashable, list[Hashable]] = {node: [] for node in nodes}
    for a, b in edges:
        outgoing[a].append(b)
        incoming[b] += 1
    depth = dict.fromkeys(nodes, 0)
    ready = [node for node in nodes if not incoming[node]]
    while ready:
        node = ready.pop()
        for following in outgoing[node]:
            depth[following] = max(depth[following], depth[node] + 1)
            incoming[following] -= 1
            if not incoming[following]:
                ready.append(following)
    return depth
