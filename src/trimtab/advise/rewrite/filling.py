"""Rows for the small tables of a comparison: made up from the statement's own constants, or real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg
from pglast import ast, enums

from trimtab.advise.index.session import Connection
from trimtab.advise.rewrite.blocks import Block, Source
from trimtab.advise.rewrite.nodes import own_nodes
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.scratch import NULL_SHARE, ColumnType, NotPossible, Scratch, literal, seed_of
from trimtab.sql.catalog import Table
from trimtab.sql.identifiers import qualified, quoted
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import rebuilt, strings, walk

# made-up rows

MIXES = ((0.8, 0.1), (0.65, NULL_SHARE), (0.9, 0.03))
"""By seed: how many values are the statement's own constants, and how many NULL. Deep joins need few NULLs."""


def constants_of(query: Query) -> dict[tuple[int, str], list[str]]:
    """By table and column: the constants (SQL) that the statement compares it with."""
    found: dict[tuple[int, str], list[str]] = {}
    for block in query.blocks:
        for node in walk(block.select):
            if isinstance(node, ast.A_Expr):
                _take_constants(query, node, found)
    return found


def _take_constants(query: Query, node: ast.A_Expr, found: dict[tuple[int, str], list[str]]) -> None:
    rights = node.rexpr if isinstance(node.rexpr, tuple) else (node.rexpr,)
    lefts = (node.lexpr,)
    for sides, others in ((lefts, rights), (rights, lefts)):
        for side in sides:
            if not isinstance(side, ast.Node):
                continue
            columns = [m for one in own_nodes(side) if (m := query.meaning.get(id(one))) is not None]
            for meaning in columns:
                table = meaning.source.table
                if table is None:
                    continue
                own = meaning.source.own_names.get(meaning.column, meaning.column)
                for other in others:
                    if not isinstance(other, ast.Node) or not _is_constant(other):
                        continue
                    text = spelled(other)
                    if node.kind in {enums.A_Expr_Kind.AEXPR_LIKE, enums.A_Expr_Kind.AEXPR_ILIKE}:
                        text = f"replace(replace({text}, '%', ''), '_', 'x')"
                    found.setdefault((table.oid, own), []).append(text)


def _is_constant(node: ast.Node) -> bool:
    return not any(isinstance(one, ast.ColumnRef | ast.SubLink | ast.ParamRef) for one in own_nodes(node))


_NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric", "real", "double precision"})
_PLAIN: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_NUMBERS, tuple(str(n) for n in range(11))),
    **dict.fromkeys(("text", "character varying", "character", "citext"), ("'a'", "'b'", "'C'", "''", "'ab'")),
    "boolean": ("true", "false"),
    "date": ("'2000-01-01'", "'2000-01-02'", "'1995-06-17'", "'2001-03-01'"),
    "timestamp without time zone": ("'2000-01-01'", "'2000-01-02 12:00'", "'1995-06-17 23:59:59.999'"),
    "timestamp with time zone": ("'2000-01-01 00:00+00'", "'2000-01-02 12:00+02'", "now() - interval '1 hour'"),
    "uuid": ("'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"),
    "jsonb": ("'{}'", "'{\"a\": 1}'", "'[1]'"),
    "json": ("'{}'",),
    "interval": ("'1 day'", "'2 hours'"),
    "text[]": ("'{}'", "'{a,b}'"),
    "integer[]": ("'{}'", "'{1,2}'"),
}


def fill(scratch: Scratch, rows: int, seed: int, after: Query | None = None) -> None:
    """Made-up rows in every table; `after` is the other form, whose constants meet rows that the first one's miss."""
    private = scratch.private
    constants = constants_of(scratch.query)
    for place, texts in constants_of(after).items() if after is not None else ():
        constants.setdefault(place, []).extend(texts)
    private.execute(f"SELECT setseed({seed_of(seed)})".encode(), prepare=False)
    own_share, null_share = MIXES[seed % len(MIXES)]
    for table in scratch.base_tables():
        facts = scratch.query.knowledge.of(table)
        picks = []
        is_wide = all(len(key.columns) > 1 for key in facts.keys)
        for column in scratch.types[table.oid]:
            own = _usable(private, _with_neighbours(column, constants.get((table.oid, column.name), [])), column)
            plain = _usable(
                private,
                [literal(label) for label in column.labels] or _PLAIN.get(column.base.rpartition(".")[2], ()),
                column,
            )
            if not own and not plain:
                if column.name in facts.not_null:
                    raise NotPossible(f"no values are known for {table.relation}.{column.name}, a {column.base}")
                picks.append("NULL")
                continue
            pick = _pick(plain or own, column)
            if own:
                pick = f"CASE WHEN random() < {own_share} THEN {_pick(own, column)} ELSE {pick} END"
            if column.name not in facts.not_null:
                pick = f"CASE WHEN random() < {null_share} THEN NULL ELSE {pick} END"
            picks.append(pick)
        private.execute(
            f"INSERT INTO {scratch.name(table)} SELECT {', '.join(picks)} "
            f"FROM generate_series(1, {3 * rows if is_wide else rows}) ON CONFLICT DO NOTHING".encode(),
            prepare=False,
        )
    scratch.keep_foreign_keys()


def _with_neighbours(column: ColumnType, constants: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for text in dict.fromkeys(constants):
        found[text] = None
        found[f"({text})"] = None  # twice as likely as its neighbours
        if column.base in _NUMBERS:
            found[f"({text}) + 1"] = found[f"({text}) - 1"] = None
        elif column.base == "date":
            found[f"CAST({text} AS date) + 1"] = found[f"CAST({text} AS date) - 1"] = None
        elif column.base.startswith("timestamp"):
            found[f"CAST({text} AS {column.base}) + interval '1 hour'"] = None
            found[f"CAST({text} AS {column.base}) - interval '1 hour'"] = None
            if "time zone" in column.base:
                found[f"now() - ({text})"] = None
    return list(found)


def _usable(private: Connection, texts: Sequence[str], column: ColumnType) -> list[str]:
    """Those that the server can read as a value of the column."""
    found = []
    for text in texts:
        try:
            with private.transaction():
                private.execute(f"SELECT CAST({text} AS {column.type_sql})".encode(), prepare=False)
        except psycopg.Error:
            continue  # a constant of another type
        found.append(text)
    return found


def _pick(texts: Sequence[str], column: ColumnType) -> str:
    values = ", ".join(f"CAST({text} AS {column.type_sql})" for text in texts)
    # Squared, so that the first values are much more likely: rows meet in joins.
    return f"(ARRAY[{values}])[1 + floor(random() ^ 2 * {len(texts)})::int]"


# rows of the real tables


def copy_rows(scratch: Scratch, real: Connection, rows: int, seed: int | None) -> None:
    """Real rows that belong together: those that meet their own conditions and the joins with what is there already.
    NULLs are put in by the seed; with None they stay as they are.

    First those that meet all of it, from the small tables to the large ones, so that something comes out at the end;
    then others in the same order, and back, so that what the large ones refer to is there as well.
    """
    order = sorted(scratch.base_tables(), key=lambda table: (table.rows_estimate, table.oid))
    edges = _edges(scratch.query)
    wishes = _own_conditions(scratch.query)
    done: set[int] = set()
    for way, is_strict in ((order, True), (order, False), (order[::-1], False)):
        for table in way:
            ties = [
                tie
                for column, other, other_column in edges.get(table.oid, [])
                if other in done and (tie := _tie(scratch, column, other, other_column)) is not None
            ]
            own = [f"({condition})" for condition in wishes.get(table.oid, [])]
            if is_strict:
                if own or ties:
                    _take(scratch, real, table, [" AND ".join([*own, *ties])], 4 * rows)
                    done.add(table.oid)
                continue
            wanted = [" AND ".join([*own, *ties]), " AND ".join(own), *ties]
            if way is order:
                wanted.append("")
            is_first = way is order and not own
            _take(scratch, real, table, list(dict.fromkeys(wanted)), max(8, rows // 3) if is_first else 4 * rows)
            done.add(table.oid)
    if seed is not None:
        scratch.put_nulls_in(seed)
    scratch.keep_foreign_keys()


def _take(scratch: Scratch, real: Connection, table: Table, conditions: Sequence[str], rows: int) -> None:
    """Some rows for each condition, each row once."""
    private = scratch.private
    name, there = qualified(table.schema, table.name), scratch.name(table)
    stage = f"trimtab_stage_{table.oid}"
    columns = ", ".join(quoted(column.name) for column in scratch.types[table.oid])
    private.execute(f"CREATE TEMP TABLE {stage} (LIKE {there})".encode(), prepare=False)
    for condition in conditions:
        where = f" WHERE {condition}" if condition else ""
        _copy(private, real, f"SELECT {columns} FROM {name}{where} LIMIT {rows}", stage)
    known = f"EXISTS (SELECT 1 FROM {there} t WHERE t::text = s::text)"
    whole = f"SELECT DISTINCT ON (s::text) s.* FROM {stage} s WHERE NOT {known}"
    private.execute(f"INSERT INTO {there} {whole} ON CONFLICT DO NOTHING".encode(), prepare=False)
    private.execute(f"DROP TABLE {stage}".encode(), prepare=False)


def _copy(private: Connection, real: Connection, text: str, stage: str) -> None:
    try:
        with (
            real.transaction(),
            real.cursor().copy(f"COPY ({text}) TO STDOUT".encode()) as source,
            private.cursor().copy(f"COPY {stage} FROM STDIN".encode()) as target,
        ):
            for data in source:
                target.write(data)
    except psycopg.errors.QueryCanceled:
        return  # too slow on the real table: the other conditions bring rows


def _edges(query: Query) -> dict[int, list[tuple[str, int, str]]]:
    """By table: (column, other table, its column) of every equality between two tables, by = or by IN (SELECT …)."""
    found: dict[int, list[tuple[str, int, str]]] = {}
    for node in walk(query.tree):
        for sides in _equal_sides(node):
            one, other = (query.meaning.get(id(side)) for side in sides)
            if one is None or other is None or one.source.table is None or other.source.table is None:
                continue
            found.setdefault(one.source.table.oid, []).append((one.column, other.source.table.oid, other.column))
            found.setdefault(other.source.table.oid, []).append((other.column, one.source.table.oid, one.column))
    return found


def _equal_sides(node: ast.Node) -> list[tuple[object, object]]:
    """What a condition says to be equal, each pair once."""
    if isinstance(node, ast.A_Expr) and strings(node.name) == ("=",):
        return [(node.lexpr, node.rexpr)]
    if not isinstance(node, ast.SubLink) or node.subLinkType != enums.SubLinkType.ANY_SUBLINK:
        return []
    select = node.subselect
    if not isinstance(select, ast.SelectStmt) or (node.operName and strings(node.operName) != ("=",)):
        return []
    tests = node.testexpr.args if isinstance(node.testexpr, ast.RowExpr) else (node.testexpr,)
    targets = [target.val for target in select.targetList or ()]
    return list(zip(tests or (), targets, strict=False))


def _tie(scratch: Scratch, column: str, other: int, other_column: str) -> str | None:
    tables = {table.oid: table for table in scratch.base_tables()}
    if other not in tables or other_column not in tables[other].columns:
        return None
    values = f"SELECT DISTINCT {quoted(other_column)}::text FROM {scratch.name(tables[other])} LIMIT 1000"
    rows = scratch.private.execute(values.encode(), prepare=False).fetchall()
    texts = [literal(str(value)) for (value,) in rows if value is not None]
    return f"{quoted(column)} IN ({', '.join(texts)})" if texts else None


def _own_conditions(query: Query) -> dict[int, list[str]]:
    """By table: the conditions on it alone of the first place where it stands, over bare columns."""
    found: dict[int, list[str]] = {}
    for block in query.blocks:
        for source in block.sources:
            if source.table is None or source.table.oid in found:
                continue
            own = [text for part in block.where() if (text := _over_bare(query, block, source, part)) is not None]
            if own:
                found[source.table.oid] = own
    return found


def _over_bare(query: Query, block: Block, source: Source, part: ast.Node) -> str | None:
    if query.sources_of(part, block) != [source] or query.speaks_of_others(part, block):
        return None
    if any(isinstance(node, ast.SubLink | ast.ParamRef) for node in own_nodes(part)) or source.own_names:
        return None

    def replace(node: ast.Node) -> ast.Node | None:
        meaning = query.meaning.get(id(node)) if isinstance(node, ast.ColumnRef) else None
        return None if meaning is None else ast.ColumnRef(fields=(ast.String(sval=meaning.column),))

    return spelled(rebuilt(part, replace))
