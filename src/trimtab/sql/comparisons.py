"""One condition of a statement, taken apart: which term of which table it narrows, and how."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pglast import ast, enums

from trimtab.sql.conditions import Condition, Match, ParameterRole, Role, TableUse, Term
from trimtab.sql.expressions import essence
from trimtab.sql.scopes import Reading, Scope, read, spelled
from trimtab.sql.trees import strings, walk

_COMMUTED = {"=": "=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_RANGES = frozenset({"<", ">", "<=", ">="})
_PARTS = frozenset({"@>", "&&"})
NOT_IN_A_BTREE = "cannot be searched in a B-tree"
"""How notes speak of conditions that indexes of other kinds may serve."""

_K = enums.A_Expr_Kind

Arm = tuple[int, int] | None


class Comparisons:
    """Collects conditions into the tables' uses, and the roles of parameters."""

    def __init__(self) -> None:
        self.parameters: dict[int, ParameterRole] = {}
        self.notes: list[str] = []
        self.hidden: dict[str, None] = {}
        self._ors_count = 0

    def collect(self, node: ast.Node | None, scope: Scope, arm: Arm = None) -> None:
        """Take a condition apart; ANDs are opened, each arm of an OR is taken for itself."""
        match node:
            case None:
                return
            case ast.BoolExpr(boolop=enums.BoolExprType.AND_EXPR):
                for part in node.args or ():
                    self.collect(part, scope, arm)
            case ast.BoolExpr(boolop=enums.BoolExprType.OR_EXPR):
                shared, rest = factored(node)
                for part in shared:
                    self.collect(part, scope, arm)
                if rest is not None:
                    self._or(rest, scope, arm)
            case ast.BoolExpr():
                inner = (node.args or (None,))[0]
                if isinstance(inner, ast.ColumnRef):
                    self._bare(inner, node, scope, arm)
                else:
                    self._other(node, scope, "NOT", arm)
            case ast.ColumnRef() | ast.FuncCall():
                self._bare(node, node, scope, arm)
            case ast.BooleanTest(arg=inner) if inner is not None:
                self._bare(inner, node, scope, arm)
            case ast.NullTest(arg=inner) if inner is not None:
                is_null = node.nulltesttype == enums.NullTestType.IS_NULL
                match_kind = Match.IS_NULL if is_null else Match.OTHER
                self._one(inner, node, scope, match_kind, "IS NULL" if is_null else "IS NOT NULL", arm)
            case ast.SubLink():
                return  # its own conditions were collected when the subquery was analysed
            case ast.A_Expr():
                self._expression(node, scope, arm)
            case _:
                self._other(node, scope, type(node).__name__, arm)

    def _or(self, node: ast.BoolExpr, scope: Scope, arm: Arm) -> None:
        self._other(node, scope, "OR", arm)
        self._ors_count += 1
        number = self._ors_count
        for place, part in enumerate(node.args or ()):
            self.collect(part, scope, arm or (number, place))

    def equal(self, left: ast.Node, right: ast.Node, scope: Scope) -> None:
        """Two expressions that are joined by equality (USING, NATURAL, IN (SELECT ...))."""
        self.equal_readings(read(left, scope), read(right, scope))

    def equal_readings(self, left: Reading, right: Reading) -> None:
        """As `equal`, for expressions that live in different scopes."""
        for side, other in ((left, right), (right, left)):
            if (term := side.term()) is not None and not _shares_table(side, other):
                side.uses[0].conditions.append(Condition(term, Match.JOIN, "="))

    def _expression(self, node: ast.A_Expr, scope: Scope, arm: Arm) -> None:
        operator = (strings(node.name) or ("?",))[-1]
        kind = node.kind
        left, right, several = node.lexpr, node.rexpr, ()
        if isinstance(right, tuple):
            right, several = right[0], right
        if left is None or right is None or isinstance(left, tuple):
            self._other(node, scope, operator, arm)
        elif kind == _K.AEXPR_OP and isinstance(left, ast.RowExpr) and isinstance(right, ast.RowExpr):
            self._rows(node, left, right, operator, scope, arm)
        elif kind == _K.AEXPR_OP and operator in _COMMUTED:
            self._compare(node, (left, right), operator, scope, arm)
        elif kind == _K.AEXPR_IN and operator == "=":
            for term in left.args or () if isinstance(left, ast.RowExpr) else (left,):
                self._one(term, node, scope, Match.ONE_OF, "IN", arm)
            self._roles(read(left, scope), several, Role.EQUAL)
        elif kind == _K.AEXPR_OP_ANY and operator == "=":
            self._one(left, node, scope, Match.ONE_OF, "= ANY", arm)
            self._roles(read(left, scope), (right,), Role.ANY_OF)
        elif kind == _K.AEXPR_BETWEEN:
            self._one(left, node, scope, Match.RANGE, "BETWEEN", arm)
            self._roles(read(left, scope), several[:1], Role.LOW)
            self._roles(read(left, scope), several[1:2], Role.HIGH)
        elif kind == _K.AEXPR_LIKE and operator == "~~" and _starts_with_text(right):
            self._one(left, node, scope, Match.PREFIX, "LIKE", arm)
            self._roles(read(left, scope), (right,), Role.PATTERN)
        elif kind == _K.AEXPR_OP and operator == "^@":
            self._one(left, node, scope, Match.PREFIX, operator, arm)
        else:
            self._other(node, scope, _spoken(kind, operator), arm)
            role = _role_of_other(kind, operator)
            if role is not None:
                self._roles(read(left, scope), (right, *several[1:]), role)

    def _compare(
        self, whole: ast.A_Expr, sides: tuple[ast.Node, ast.Node], operator: str, scope: Scope, arm: Arm
    ) -> None:
        left, right = sides
        readings = read(left, scope), read(right, scope)
        found = False
        turned = _COMMUTED[operator]
        for (side, other), value, name in (
            (readings, right, operator),
            (readings[::-1], left, turned),
        ):
            term = side.term()
            if term is None or _shares_table(side, other):
                continue
            found = True
            runtime = bool(other.references) or (not other.is_plain and _has_column(other.node))
            match = Match.RANGE if name in _RANGES else Match.JOIN if runtime else Match.EQUAL
            self._add(side.uses[0], term, match, name, whole, scope, arm)
            role = Role.EQUAL if name == "=" else Role.LOW if name.startswith(">") else Role.HIGH
            self._roles(side, (value,), role)
        if not found:
            for side in readings:
                if side.references and side.has_parameter:
                    self.hidden[side.uses[0].table.relation] = None
                    self.notes.append(
                        f"An expression on {side.uses[0].table.relation} holds a parameter: without a statement that "
                        "shows its value it cannot be indexed"
                    )
            self._other(whole, scope, operator, arm)

    def _rows(
        self, whole: ast.A_Expr, left: ast.RowExpr, right: ast.RowExpr, operator: str, scope: Scope, arm: Arm
    ) -> None:
        pairs = list(zip(left.args or (), right.args or (), strict=False))
        if operator == "=":
            for pair in pairs:
                self._compare(whole, pair, operator, scope, arm)
            return
        terms = [term for a, _ in pairs if (term := read(a, scope).term()) is not None]
        uses = read(left, scope).uses
        if operator not in _RANGES or len(terms) != len(pairs) or len(uses) != 1 or not terms:
            self._other(whole, scope, operator, arm)
            return
        self._add(uses[0], terms[0], Match.RANGE, operator, whole, scope, arm, tuple(terms[1:]))
        role = Role.LOW if operator.startswith(">") else Role.HIGH
        for a, b in pairs:
            self._roles(read(a, scope), (b,), role)

    def _bare(self, inner: ast.Node, whole: ast.Node, scope: Scope, arm: Arm) -> None:
        term = read(inner, scope).term()
        if term is not None and not term.is_expression:
            self._one(inner, whole, scope, Match.EQUAL, "boolean", arm)
        else:
            self._other(whole, scope, "boolean", arm)

    def _one(self, inner: ast.Node, whole: ast.Node, scope: Scope, match: Match, operator: str, arm: Arm) -> None:
        reading = read(inner, scope)
        term = reading.term()
        if term is None:
            self._other(whole, scope, operator, arm)
        else:
            self._add(reading.uses[0], term, match, operator, whole, scope, arm)

    def _other(self, whole: ast.Node, scope: Scope, operator: str, arm: Arm) -> None:
        reading = read(whole, scope)
        if len(reading.uses) == 1:
            first = Term(reading.columns[0], is_expression=False, columns=reading.columns)
            self._add(reading.uses[0], first, Match.OTHER, operator, whole, scope, arm)
        for use in reading.uses:
            if operator not in {"OR", "boolean", *_COMMUTED}:
                self.notes.append(f"{operator} on {use.table.relation} {NOT_IN_A_BTREE}")

    def _add(
        self,
        use: TableUse,
        term: Term,
        match: Match,
        operator: str,
        whole: ast.Node,
        scope: Scope,
        arm: Arm,
        row_terms: tuple[Term, ...] = (),
    ) -> None:
        reading = read(whole, scope)
        alone = len(reading.uses) == 1 and reading.is_plain and not reading.has_parameter
        predicate = spelled(reading.node) if alone and arm is None else None
        has_literal = any(isinstance(n, ast.A_Const) and not n.isnull for n in walk(whole))
        values = tuple(_literals(whole)) if match in {Match.EQUAL, Match.ONE_OF} and alone else ()
        use.conditions.append(Condition(term, match, operator, predicate, has_literal, arm, row_terms, values))

    def _roles(self, side: Reading, values: Iterable[ast.Node], role: Role) -> None:
        for value in values:
            bare = value
            while isinstance(bare, ast.TypeCast) and bare.arg is not None:
                bare = bare.arg
            if isinstance(bare, ast.ParamRef) and bare.number and bare.number not in self.parameters:
                table = side.uses[0].table if len(side.uses) == 1 else None
                self.parameters[bare.number] = ParameterRole(role, table, side.term())


def factored(node: ast.BoolExpr) -> tuple[list[ast.Node], ast.BoolExpr | None]:
    """The conditions that stand in every arm of an OR, and the OR without them; None where they are all that it says.

    PostgreSQL plans with the same: `(a AND b) OR (a AND c)` is `a AND (b OR c)`, and `a OR (a AND b)` is `a`.
    """
    arms: list[list[ast.Node]] = []
    keys: list[list[str]] = []
    common: set[str] = set()
    for arm in node.args or ():
        arms.append(list(_conjuncts(arm)))
        keys.append([repr(essence(part)) for part in arms[-1]])
        common = common.intersection(keys[-1]) if len(arms) > 1 else set(keys[-1])
        if not common:
            return [], node
    shared = {key: part for key, part in zip(keys[0], arms[0], strict=True) if key in common}
    left = [[p for k, p in zip(of, arm, strict=True) if k not in common] for of, arm in zip(keys, arms, strict=True)]
    if not all(left):
        return list(shared.values()), None
    args = tuple(a[0] if len(a) == 1 else ast.BoolExpr(enums.BoolExprType.AND_EXPR, tuple(a)) for a in left)
    return list(shared.values()), ast.BoolExpr(enums.BoolExprType.OR_EXPR, args)


def _conjuncts(node: ast.Node) -> Iterator[ast.Node]:
    if isinstance(node, ast.BoolExpr) and node.boolop == enums.BoolExprType.AND_EXPR:
        for part in node.args or ():
            yield from _conjuncts(part)
    else:
        yield node


def _role_of_other(kind: object, operator: str) -> Role | None:
    """What a parameter is compared as where no B-tree can search: what is excluded is a value like any other."""
    if kind in (_K.AEXPR_LIKE, _K.AEXPR_ILIKE) and operator in ("~~", "~~*", "!~~", "!~~*"):
        return Role.WITHIN
    if operator == "<>" and kind in (_K.AEXPR_OP, _K.AEXPR_IN):
        return Role.EQUAL
    if operator == "<>" and kind == _K.AEXPR_OP_ALL:
        return Role.ANY_OF
    if kind in (_K.AEXPR_DISTINCT, _K.AEXPR_NOT_DISTINCT):
        return Role.EQUAL
    return Role.PART if kind == _K.AEXPR_OP and operator in _PARTS else None


def _shares_table(left: Reading, right: Reading) -> bool:
    return any(a is b for a in left.uses for b in right.uses)


def _has_column(node: ast.Node) -> bool:
    if isinstance(node, ast.SubLink):
        return False
    return any(isinstance(n, ast.ColumnRef) for n in walk(node))


def _starts_with_text(pattern: object) -> bool:
    while isinstance(pattern, ast.TypeCast):
        pattern = pattern.arg
    if isinstance(pattern, ast.ParamRef):
        return True
    value = pattern.val.sval if isinstance(pattern, ast.A_Const) and isinstance(pattern.val, ast.String) else ""
    return bool(value) and str(value)[0] not in "%_"


def _literals(whole: ast.Node) -> Iterator[str]:
    """The literals of a condition on one plain term."""
    for node in walk(whole):
        if isinstance(node, ast.A_Const) and not node.isnull:
            match node.val:
                case ast.String(sval=text):
                    yield str(text)
                case ast.Integer(ival=number):
                    yield str(number or 0)
                case ast.Float(fval=text):
                    yield str(text)
                case ast.Boolean(boolval=truth):
                    yield "t" if truth else "f"


def _spoken(kind: object, operator: str) -> str:
    words = {"~~": "LIKE with a leading wildcard", "~~*": "ILIKE", "!~~": "NOT LIKE", "!~~*": "NOT ILIKE"}
    if kind == _K.AEXPR_IN:
        return "NOT IN"
    return words.get(operator, operator)
