"""Complete statements to price an index on: ones that were really seen, else ones made up from `pg_stats`.

Literals are private data: what is made here stays in memory and is never logged or stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pglast import ast, parser

from trimtab.model.errors import StatementRefused
from trimtab.model.query import SlowQuery
from trimtab.sql.catalog import Column, ColumnStatistics, Table
from trimtab.sql.conditions import ParameterRole, Role, Term
from trimtab.sql.fingerprint import fingerprint
from trimtab.sql.trees import single_statement, walk

SAMPLES_MAX = 64
"""Live samples looked at; more add nothing but time."""

LEVELS: Mapping[str, float] = {"rare": 0.01, "median": 0.05, "heavy": 0.5}
"""Three parameter sets, and the share of rows that a range takes in each."""

_LIMITS = {"rare": "10", "median": "20", "heavy": "100"}
_GUESSES = {
    "interval": "7 days",
    "boolean": "true",
    "date": "today",
    "timestamp with time zone": "today",
    "timestamp without time zone": "today",
    "text": "x",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "jsonb": "{}",
    "json": "{}",
    "regconfig": "simple",
    "inet": "10.0.0.1",
}
_EMPTY = frozenset({"", "{}", "[]", "null", '""'})
_WITHIN_LETTERS = {"rare": 8, "median": 5, "heavy": 3}
_PART_MEMBERS = {"rare": 3, "median": 2, "heavy": 1}

Evaluate = Callable[[Table, Term, Mapping[str, str]], str | None]
"""Computes an index expression for given column values, as text; None where it cannot."""


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """Statements without parameters. `real` says that all were seen live; `guesses` names what was only guessed."""

    statements: tuple[str, ...] = field(repr=False)
    real: bool
    source: str
    guesses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one shape, newest first, each text once.

    `complete` hold no parameter. `templates` hold the application's own `$n`: what varies is bound, so the literals
    that stand there are the application's constants. `complete_count` counts repetitions too.
    """

    complete: tuple[str, ...] = field(repr=False)
    templates: tuple[str, ...] = field(repr=False)
    complete_count: int


def seen(query: SlowQuery) -> Seen:
    """Sort the samples of a query; the text itself counts as one, and as a template only if it holds a literal too.

    Truncated ones and ones of another shape are left out.

    >>> found = seen(SlowQuery("SELECT * FROM t WHERE a = $1", samples=("SELECT * FROM t WHERE a = 5", "SELECT 1")))
    >>> found.complete, found.templates
    (('SELECT * FROM t WHERE a = 5',), ())
    """
    wanted = fingerprint(query.text) or query.name  # a text that was cut off names its shape otherwise
    complete: dict[str, None] = {}
    templates: dict[str, None] = {}
    count = 0
    for text in (*query.samples[:SAMPLES_MAX], query.text):
        stripped = text.strip().rstrip(";").rstrip()
        try:
            tree = single_statement(stripped)
        except StatementRefused:
            continue
        if text is not query.text and wanted is not None and fingerprint(stripped) != wanted:
            continue
        if not parameters_of(tree):
            complete[stripped] = None
            count += 1
        elif any(isinstance(node, ast.A_Const) and not node.isnull for node in walk(tree)):
            templates[stripped] = None
    return Seen(tuple(complete), tuple(templates), count)


def parameters_of(tree: ast.Node) -> tuple[int, ...]:
    """The numbers of a statement's parameters, ascending."""
    return tuple(sorted({int(n.number or 0) for n in walk(tree) if isinstance(n, ast.ParamRef)}))


def synthesised(
    text: str, roles: Mapping[int, ParameterRole], types: Mapping[int, str], evaluate: Evaluate
) -> ParameterSets:
    """Three statements from one with `$n`: rare, median and heavy values from the statistics of the columns.

    `types` are the parameters' types as the server infers them, where it can.
    """
    tree = single_statement(text)
    numbers = parameters_of(tree)
    cast = {n.arg.number for n in walk(tree) if isinstance(n, ast.TypeCast) and isinstance(n.arg, ast.ParamRef)}
    guesses: dict[int, str] = {}
    statements: dict[str, None] = {}
    for level in LEVELS:
        values: dict[int, str] = {}
        for number in numbers:
            value = _value(number, level, roles, evaluate)
            if value is None:
                value, why = _guess(types.get(number), level, roles.get(number))
                guesses[number] = why
            is_typed = number in types and number not in roles and number not in cast
            values[number] = literal(value, types[number] if is_typed else None)
        statements[replaced(text, values)] = None
    told = tuple(f"${number}: {why}" for number, why in sorted(guesses.items()))
    source = f"{len(statements)} parameter sets made up from pg_stats ({', '.join(LEVELS)})"
    return ParameterSets(tuple(statements), False, source, told)


def literal(value: str, type_name: str | None = None) -> str:
    """A value as SQL.

    >>> literal("it's"), literal("5", "integer")
    ("'it''s'", "'5'::integer")
    """
    escaped = value.replace("'", "''")
    quoted = "E'" + escaped.replace("\\", "\\\\") + "'" if "\\" in value else f"'{escaped}'"
    return f"{quoted}::{type_name}" if type_name else quoted


def replaced(text: str, values: Mapping[int, str]) -> str:
    """The text with SQL in place of each `$n`; strings, names and comments stay untouched.

    >>> replaced("SELECT '$1', $1", {1: "5"})
    "SELECT '$1', 5"
    """
    parts: list[str] = []
    end = 0
    for token in parser.scan(text):
        if token.name == "PARAM":
            number = int(text[token.start + 1 : token.end + 1])
            parts += [text[end : token.start], values.get(number, text[token.start : token.end + 1])]
            end = token.end + 1
    return "".join([*parts, text[end:]])


def _value(number: int, level: str, roles: Mapping[int, ParameterRole], evaluate: Evaluate) -> str | None:
    role = roles.get(number)
    if role is None:
        return None
    if role.role is Role.OFFSET:
        return "0"
    if role.table is None or role.term is None:
        return None
    peers = [n for n, r in sorted(roles.items()) if (r.table, r.term) == (role.table, role.term)]
    is_bound = role.role in {Role.LOW, Role.HIGH}
    has_both = {roles[n].role for n in peers} >= {Role.LOW, Role.HIGH}
    place = 0 if is_bound else peers.index(number)
    row: dict[str, str] = {}
    for name in role.term.columns:
        column = role.table.columns.get(name)
        value = None
        if column is not None and column.statistics is not None:
            if is_bound:
                value = _bound(column.statistics, role.role, LEVELS[level], has_both=has_both)
            elif role.role is Role.PART:
                value = _part(column, column.statistics, level)
            else:
                value = _equal(column.statistics, level, place, may_be_new=column.is_text)
        if value is None:
            return None
        row[name] = value
    made = evaluate(role.table, role.term, row) if role.term.is_expression else row[role.term.sql]
    if made is None:
        return None
    if role.role is Role.ANY_OF:
        column = role.table.columns[role.term.columns[0]]
        return _array(made, column, level) if not role.term.is_expression else "{" + _array_item(made) + "}"
    if role.role is Role.PATTERN:
        return _literally(made[: {"rare": 6, "median": 4, "heavy": 2}[level]]) + "%"
    if role.role is Role.WITHIN:
        length = _WITHIN_LETTERS[level]
        start = max(0, (len(made) - length) // 2)
        letters = made[start : start + length]
        return f"%{_literally(letters if level == 'heavy' else letters[::-1])}%"
    return made


def _literally(text: str) -> str:
    """A text inside a pattern.

    >>> print(_literally("a_b"))
    a\\_b
    """
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _part(column: Column, statistics: ColumnStatistics, level: str) -> str | None:
    """Something that the array or document of some rows holds. For a document that few have, members of several that
    the statistics know are mixed: what is taken from a histogram of a hundred is taken for one in a hundred by it."""
    values = [value for value in (*statistics.histogram, *_most_common(statistics)) if value not in _EMPTY]
    if not values:
        return None
    place = int({"rare": 0.5, "median": 0.25, "heavy": 0.75}[level] * (len(values) - 1))
    if column.type_name != "jsonb":
        return values[place]
    try:
        documents = [json.loads(values[(place + n) % len(values)]) for n in range(_PART_MEMBERS[level])]
    except ValueError:
        return None
    mixed: dict[str, object] = {}
    for number, document in enumerate(documents):
        names = sorted(document) if isinstance(document, dict) else []
        if number < len(names):
            mixed[names[number]] = document[names[number]]
    return json.dumps(mixed) if mixed else values[place]


def _most_common(statistics: ColumnStatistics) -> list[str]:
    return [value for value, _ in statistics.most_common]


def _equal(statistics: ColumnStatistics, level: str, place: int, *, may_be_new: bool = False) -> str | None:
    """A value that few, some or many rows have; `place` gives different ones for the members of a list.

    Where the statistics know a single value, a rare one is one that they do not know (`may_be_new`: any text will do).
    """
    common = [value for value, _ in statistics.most_common]
    others = statistics.histogram
    at = {"rare": 0.5, "median": 0.25, "heavy": 0.75}[level]
    if level == "heavy" and common:
        return common[place % len(common)]
    if level == "median" and len(common) > 1:
        return common[(len(common) // 2 + place) % len(common)]
    if level == "rare" and may_be_new and len(common) == 1 and not others:
        return f"{common[0]} {place + 1}"
    if others:
        return others[(int(at * (len(others) - 1)) + place) % len(others)]
    return common[(len(common) - 1 - place) % len(common)] if common else None


def _bound(statistics: ColumnStatistics, role: Role, share: float, *, has_both: bool) -> str | None:
    """A bound that lets `share` of the rows through: the newest for a lower one, the oldest for an upper one."""
    values: Sequence[str] = statistics.histogram
    if len(values) < 2:
        values = sorted((value for value, _ in statistics.most_common), key=_as_number)
    if not values:
        return None
    low, high = (0.95 - share, 0.95) if has_both else (1 - share, share)
    at = high if role is Role.HIGH else low
    return values[round(max(0.0, at) * (len(values) - 1))]


def _as_number(text: str) -> tuple[int, float, str]:
    try:
        return (0, float(text), "")
    except ValueError:
        return (1, 0.0, text)


def _array(first: str, column: Column, level: str) -> str:
    count = {"rare": 1, "median": 3, "heavy": 5}[level]
    statistics = column.statistics
    more = [_equal(statistics, level, place) for place in range(count)] if statistics is not None else []
    values = dict.fromkeys([first, *(value for value in more if value is not None)])
    return "{" + ",".join(_array_item(value) for value in list(values)[:count]) + "}"


def _array_item(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _guess(type_name: str | None, level: str, role: ParameterRole | None) -> tuple[str, str]:
    if role is not None and role.role is Role.LIMIT:
        return _LIMITS[level], "a LIMIT of 10, 20 and 100"
    known = type_name or "unknown type"
    if known.endswith("[]"):
        return "{}", f"an empty array ({known})"
    value = _GUESSES.get(known, "x" if known in {"unknown type", "character varying"} else "1")
    return value, f"{value!r} ({known}; no statistics apply)"
