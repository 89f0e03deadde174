"""Which columns tell rows apart: keys of sources, and whether outputs determine the row of a whole FROM."""

from __future__ import annotations

from collections.abc import Iterable

from pglast import ast, enums

from trimtab.advise.rewrite.blocks import Block, Body, Source
from trimtab.advise.rewrite.nodes import conjuncts, is_aggregate, own_nodes
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.values import comparable, deterministic
from trimtab.sql.trees import strings

Place = tuple[int, str]
"""A column of a source, by the source's identity."""


def keys_of(query: Query, source: Source) -> list[tuple[frozenset[str], str]]:
    """Sets of columns in which no two rows of a source are equal, each with what says so."""
    back = {own: name for name, own in source.own_names.items()}
    if source.table is not None:
        return [
            (frozenset(back.get(name, name) for name in key.columns), f"{source.table.relation} has the key {key.name}")
            for key in query.facts(source).keys
        ]
    if source.body is None or source.names is None:
        return []
    return [
        (frozenset(source.names[place] for place in places), why) for places, why in keys_of_body(query, source.body)
    ]


def keys_of_body(query: Query, body: Body) -> list[tuple[frozenset[int], str]]:
    """As `keys_of`, by places of the outputs."""
    if body.names is None:
        return []
    if body.is_set:
        is_union = body.select.op == enums.SetOperation.SETOP_UNION and not body.select.all
        return [(frozenset(range(len(body.names))), "UNION removes duplicates")] if is_union else []
    block = body.blocks[0]
    select = block.select
    if block.targets is None:
        return []
    if select.distinctClause and select.distinctClause[0] is None:
        return [(frozenset(range(len(body.names))), "DISTINCT removes duplicates")]
    if select.distinctClause:
        return []
    if block.is_grouped:
        groups = group_expressions(query, block)
        if groups is None or any(_returns_sets(node) for _, node in block.targets):
            return []
        places = [_output_of(query, block, group) for group in groups]
        if any(place is None for place in places):
            return []
        return [(frozenset(place for place in places if place is not None), "GROUP BY gives each group once")]
    proof: list[str] = []
    outputs = [place for place in range(len(block.targets)) if isinstance(block.targets[place][1], ast.ColumnRef)]
    if any(_returns_sets(node) for _, node in block.targets):
        return []
    if determined(query, block, (block.targets[place][1] for place in outputs), proof):
        return [(frozenset(outputs), "; ".join(dict.fromkeys(proof)))]
    return []


def group_expressions(query: Query, block: Block) -> list[ast.Node] | None:
    """What a block groups by, places and names of outputs resolved; None where that is not possible."""
    found: list[ast.Node] = []
    targets = block.targets
    if block.has_grouping_sets:
        return None
    for part in block.select.groupClause or ():
        if isinstance(part, ast.A_Const):
            if (
                targets is None
                or not isinstance(part.val, ast.Integer)
                or not 0 < int(part.val.ival or 0) <= len(targets)
            ):
                return None
            found.append(targets[int(part.val.ival or 0) - 1][1])
        elif isinstance(part, ast.ColumnRef) and id(part) not in query.meaning:
            names = strings(part.fields)
            if targets is None or len(names) != 1:
                return None
            same = [node for name, node in targets if name == names[0]]
            if not same:
                return None
            found.append(same[0])
        else:
            found.append(part)
    return found


def determined(query: Query, block: Block, given: Iterable[ast.Node], proof: list[str]) -> bool:
    """Whether rows of FROM and WHERE that agree in the given columns are one and the same row."""
    if any(source.lateral for source in block.sources):
        return False
    known: set[Place] = set()
    for node in given:
        meaning = query.meaning.get(id(node))
        if meaning is not None and meaning.block is block and deterministic(query, node):
            known.add((id(meaning.source), meaning.column))
    equal: list[set[Place]] = []
    for condition in block.conditions():
        places = _equal_places(query, block, condition)
        if places is not None and len(places) == 1:
            known |= places[0]
        elif places is not None:
            equal.append(places[0] | places[1])
    followers = _followers(query, block)
    settled: set[int] = set()
    changed = True
    while changed:
        changed = False
        for group in equal:
            if group & known and not group <= known:
                known |= group
                changed = True
        for source in block.sources:
            if id(source) in settled:
                continue
            why = _settled_by(query, source, known) or _follows(followers, source, settled)
            if why is not None:
                settled.add(id(source))
                proof.append(why)
                known |= {(id(source), name) for name in source.names or ()}
                changed = True
    return len(settled) == len(block.sources) and bool(settled)


def _settled_by(query: Query, source: Source, known: set[Place]) -> str | None:
    for columns, why in keys_of(query, source):
        if all((id(source), name) in known for name in columns):
            return why
    return None


def _follows(followers: list[tuple[frozenset[int], int, str]], source: Source, settled: set[int]) -> str | None:
    return next((why for lefts, number, why in followers if number == id(source) and lefts <= settled), None)


def _followers(query: Query, block: Block) -> list[tuple[frozenset[int], int, str]]:
    """Left joins that find at most one row: (the sources on the left, the one on the right, what says so)."""
    found: list[tuple[frozenset[int], int, str]] = []
    for join, left, right in block.outer_joins:
        if join.jointype != enums.JoinType.JOIN_LEFT or len(right) != 1:
            continue
        lefts = frozenset(id(source) for source in left)
        tied: set[Place] = set()
        for condition in conjuncts(join.quals):
            places = _equal_places(query, block, condition) or []
            if len(places) == 1:
                tied |= places[0]
            for one, other in (places, places[::-1]) if len(places) == 2 else ():
                if {place[0] for place in one} <= lefts:
                    tied |= other
        for columns, why in keys_of(query, right[0]):
            if all((id(right[0]), name) in tied for name in columns):
                found.append((lefts, id(right[0]), why))
    return found


def _equal_places(query: Query, block: Block, condition: ast.Node) -> list[set[Place]] | None:
    """The columns that an equality ties: two sets of one, or one set where the other side is constant."""
    if not isinstance(condition, ast.A_Expr) or condition.kind != enums.A_Expr_Kind.AEXPR_OP:
        return None
    if strings(condition.name) != ("=",) or not isinstance(condition.lexpr, ast.Node):
        return None
    sides = (condition.lexpr, condition.rexpr)
    found: list[set[Place]] = []
    for side, other in (sides, sides[::-1]):
        if not isinstance(side, ast.ColumnRef) or not isinstance(other, ast.Node):
            continue
        meaning = query.meaning.get(id(side))
        if meaning is None or meaning.block is not block or not deterministic(query, side):
            continue
        if isinstance(other, ast.A_Const | ast.ParamRef) or (
            isinstance(other, ast.TypeCast) and isinstance(other.arg, ast.A_Const)
        ):
            return [{(id(meaning.source), meaning.column)}]
        if isinstance(other, ast.ColumnRef) and comparable(query, side, other):
            found.append({(id(meaning.source), meaning.column)})
    return found if len(found) == 2 else None


def _output_of(query: Query, block: Block, group: ast.Node) -> int | None:
    """The place of the output that is this grouping expression."""
    for place, (_, node) in enumerate(block.targets or ()):
        if node is group:
            return place
        one, other = query.meaning.get(id(node)), query.meaning.get(id(group))
        if isinstance(node, ast.ColumnRef) and one is not None and one == other:
            return place
    return None


_ONE_VALUE = frozenset(
    """lower upper substr substring left right length trim btrim replace concat round abs floor ceil extract date_part
    date_trunc to_char greatest least""".split()  # noqa: SIM905
)


def _returns_sets(node: ast.Node) -> bool:
    """Whether a function that might return several rows stands in an output: any that is not known to return one."""
    return any(
        isinstance(one, ast.FuncCall)
        and not is_aggregate(one)
        and (strings(one.funcname) or ("",))[-1] not in _ONE_VALUE
        for one in own_nodes(node)
    )
