"""One shape for all statements that differ only in their literals.

The fingerprint is libpg_query's (the parser of PostgreSQL itself), taken from the normalised text, so that a
literal statement seen in `pg_stat_activity`, the `$n` text of `pg_stat_statements` and a span's `%s` text meet.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pglast import ast, parser
from pglast.visitors import Visitor

from trimtab.model.query import QueryShape, StatementKind

TEXT_CHARS_MAX = 10_000
PARSE_CHARS_MAX = 200_000
_CACHE_ENTRIES_MAX = 20_000

_TOKEN = re.compile(
    r"""
      (?P<skip> '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | (?P<tag>\$\w*\$).*?(?P=tag) )
    | (?P<percent> %% )
    | (?P<named> %\(\w+\)s )
    | (?P<positional> %[stb] )
    | (?P<question> \? )
    """,
    re.VERBOSE | re.DOTALL,
)


def dollar_placeholders(text: str, *, question_marks: bool = True) -> str:
    """Turn a driver's placeholders into PostgreSQL's own, outside strings, names and comments.

    >>> dollar_placeholders("SELECT '%s' FROM t WHERE a = %s AND b = %(name)s AND c LIKE 'x%%' AND d = ?")
    "SELECT '%s' FROM t WHERE a = $1 AND b = $2 AND c LIKE 'x%%' AND d = $3"
    >>> dollar_placeholders("SELECT payload ? 'k' FROM t WHERE a = %s", question_marks=False)
    "SELECT payload ? 'k' FROM t WHERE a = $1"
    """
    names: dict[str, int] = {}
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        token = match.group(0)
        if match.group("skip"):
            return token
        if match.group("percent"):
            return "%"
        if match.group("question") and not question_marks:
            return token
        if match.group("named"):
            if token not in names:
                count += 1
                names[token] = count
            return f"${names[token]}"
        count += 1
        return f"${count}"

    return _TOKEN.sub(replace, text)


def _parses(text: str) -> bool:
    try:
        parser.fingerprint(text)
    except parser.ParseError:
        return False
    return True


@lru_cache(maxsize=_CACHE_ENTRIES_MAX)
def normalise(text: str) -> str:
    """The text with `$n` in place of literals and of a driver's placeholders; unparsable text comes back as it is.

    >>> normalise("SELECT * FROM t WHERE a = 5 AND b = 'x'")
    'SELECT * FROM t WHERE a = $1 AND b = $2'
    """
    text = text.strip().rstrip(";").rstrip()
    if len(text) > PARSE_CHARS_MAX:
        return text
    if not _parses(text):
        for candidate in (dollar_placeholders(text, question_marks=False), dollar_placeholders(text)):
            if _parses(candidate):
                text = candidate
                break
        else:
            return text
    return parser.normalize(text)


@lru_cache(maxsize=_CACHE_ENTRIES_MAX)
def fingerprint(text: str) -> str | None:
    """Sixteen hexadecimal digits, or None where PostgreSQL's parser refuses the text.

    >>> fingerprint("SELECT * FROM t WHERE a = 5") == fingerprint("select * from t where a=$1")
    True
    >>> fingerprint("SELECT * FROM t WHERE a IN (1, 2)") == fingerprint("SELECT * FROM t WHERE a IN ($1, $2, $3)")
    True
    >>> fingerprint("SELECT * FROM t WHERE a = %s") == fingerprint("SELECT * FROM t WHERE a = 'x'")
    True
    >>> fingerprint("SELEC") is None
    True
    """
    normal = normalise(text)
    if len(normal) > PARSE_CHARS_MAX:
        return None
    try:
        return str(parser.fingerprint(normal))
    except parser.ParseError:
        return None


class _Tables(Visitor):
    """Collects the relations that a statement names, common table expressions left out."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: set[str] = set()
        self.ctes: set[str] = set()

    def visit_CommonTableExpr(self, _ancestors: object, node: ast.CommonTableExpr) -> None:
        self.ctes.add(str(node.ctename))

    def visit_RangeVar(self, _ancestors: object, node: ast.RangeVar) -> None:
        schema = node.schemaname
        self.tables.add(f"{schema}.{node.relname}" if schema else str(node.relname))


_KINDS = {
    "SelectStmt": StatementKind.SELECT,
    "InsertStmt": StatementKind.INSERT,
    "UpdateStmt": StatementKind.UPDATE,
    "DeleteStmt": StatementKind.DELETE,
}


@lru_cache(maxsize=_CACHE_ENTRIES_MAX)
def statement_facts(text: str, default_schema: str = "public") -> tuple[StatementKind, tuple[str, ...]]:
    """What the statement does, and the tables it names as `schema.table`, sorted.

    Unqualified names are put into `default_schema`: the text alone can't know a search path.

    >>> statement_facts("WITH c AS (SELECT 1 FROM shop.orders) SELECT * FROM c JOIN users USING (id)")
    (<StatementKind.SELECT: 'select'>, ('public.users', 'shop.orders'))
    """
    try:
        statements = parser.parse_sql(normalise(text))
    except parser.ParseError:
        return StatementKind.OTHER, ()
    if len(statements) != 1 or (statement := statements[0].stmt) is None:
        return StatementKind.OTHER, ()
    visitor = _Tables()
    visitor(statement)
    names = {name for name in visitor.tables if name not in visitor.ctes}
    qualified = {name if "." in name else f"{default_schema}.{name}" for name in names}
    kind = _KINDS.get(type(statement).__name__, StatementKind.OTHER)
    return kind, tuple(sorted(qualified))


def shape_of(system: str, text: str, *, fallback_id: str | None = None, default_schema: str = "public") -> QueryShape:
    """The shape of a statement. `fallback_id` (the server's query id) names what the parser refuses.

    >>> shape = shape_of("shop", "SELECT * FROM orders WHERE id = 7")
    >>> shape.text, shape.tables
    ('SELECT * FROM orders WHERE id = $1', ('public.orders',))
    """
    normal = normalise(text)
    print_ = fingerprint(text)
    kind, tables = statement_facts(text, default_schema) if print_ else (StatementKind.OTHER, ())
    return QueryShape(
        system=system,
        fingerprint=print_ or f"q{fallback_id or 'unparsed'}",
        text=normal[:TEXT_CHARS_MAX],
        statement=kind,
        tables=tables,
    )
