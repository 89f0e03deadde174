"""Takes one SELECT, UPDATE, DELETE or INSERT ... SELECT apart against the catalogue: what it asks of each table."""

from __future__ import annotations

from collections.abc import Sequence

from pglast import ast, enums

from trimtab.model.errors import StatementRefused
from trimtab.model.query import StatementKind
from trimtab.sql.catalog import Catalog, Table
from trimtab.sql.comparisons import Comparisons
from trimtab.sql.conditions import Analysis, ParameterRole, Role, TableUse
from trimtab.sql.orders import collect_orders
from trimtab.sql.scopes import Base, Behind, Derived, Scope, read
from trimtab.sql.trees import children, single_statement, strings

USES_MAX = 64
DEPTH_MAX = 40

_KINDS = {
    ast.SelectStmt: StatementKind.SELECT,
    ast.UpdateStmt: StatementKind.UPDATE,
    ast.DeleteStmt: StatementKind.DELETE,
    ast.InsertStmt: StatementKind.INSERT,
}


def analyse(tree: ast.Node, catalog: Catalog) -> Analysis:
    """Take a statement apart.

    Raises `StatementRefused` for statements that no index can speed up as such (DDL, utility) and for ones beyond
    the bounds (`USES_MAX` tables, `DEPTH_MAX` nested subqueries).
    """
    kind = _KINDS.get(type(tree))
    if kind is None:
        raise StatementRefused(f"{type(tree).__name__} is not a statement that can be advised on")
    worker = _Analyser(catalog)
    try:
        worker.statement(tree, None)
    except RecursionError:
        raise StatementRefused("the statement's expressions are nested too deeply") from None
    notes = tuple(dict.fromkeys(worker.comparisons.notes))
    return Analysis(kind, tuple(worker.uses), worker.comparisons.parameters, notes, tuple(worker.comparisons.hidden))


class _Analyser:
    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.uses: list[TableUse] = []
        self.comparisons = Comparisons()
        self._subqueries: dict[int, Derived] = {}
        self._unread: set[int] = set()
        """Subqueries of EXISTS: what they select is never computed."""
        self._depth = 0

    def statement(self, node: ast.Node | None, parent: Scope | None) -> Derived:
        """Any statement; the columns that it gives."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise StatementRefused(f"the statement nests more than {DEPTH_MAX} subqueries")
        scope = Scope(parent)
        derived = Derived({}, is_open=True)
        match node:
            case ast.SelectStmt():
                derived = self._select(node, scope)
            case ast.UpdateStmt() | ast.DeleteStmt():
                self._write(node, scope)
            case ast.InsertStmt():
                self._with(node.withClause, scope)
                if node.selectStmt is not None:
                    self.statement(node.selectStmt, scope)
        self._depth -= 1
        return derived

    def _select(self, node: ast.SelectStmt, scope: Scope) -> Derived:
        self._with(node.withClause, scope)
        self._limit_roles(node)
        if node.op != enums.SetOperation.SETOP_NONE:
            left = self.statement(node.larg, scope)
            self.statement(node.rarg, scope)
            return Derived(dict.fromkeys(left.outputs), is_open=left.is_open)
        if node.valuesLists:
            return Derived({f"column{n + 1}": None for n in range(len(node.valuesLists[0]))})
        first = len(self.uses)
        for item in node.fromClause or ():
            self._from(item, scope)
        outputs = self._outputs(node, scope)
        for part in (node.whereClause, node.havingClause, *(node.groupClause or ()), *(node.sortClause or ())):
            self._touch(part, scope)
        self.comparisons.collect(node.whereClause, scope)
        collect_orders(node, outputs, scope)
        if node.lockingClause:
            for use in self.uses[first:]:
                use.needs_heap = True
        return Derived(outputs)

    def _write(self, node: ast.UpdateStmt | ast.DeleteStmt, scope: Scope) -> None:
        self._with(node.withClause, scope)
        self._from(node.relation, scope)
        for _, source in scope.sources:
            if isinstance(source, Base):
                source.use.needs_heap = True
        others = node.fromClause if isinstance(node, ast.UpdateStmt) else node.usingClause
        for item in others or ():
            self._from(item, scope)
        targets = node.targetList if isinstance(node, ast.UpdateStmt) else ()
        for target in targets or ():
            self._touch(target.val, scope)
        self._touch(node.whereClause, scope)
        self.comparisons.collect(node.whereClause, scope)

    def _with(self, clause: ast.WithClause | None, scope: Scope) -> None:
        for item in (clause.ctes if clause is not None else None) or ():
            name = str(item.ctename)
            if clause is not None and clause.recursive:
                scope.ctes[name] = Derived({}, is_open=True)
            derived = self.statement(item.ctequery, scope)
            scope.ctes[name] = derived.renamed(strings(item.aliascolnames))

    def _from(self, item: ast.Node | None, scope: Scope) -> None:
        match item:
            case ast.RangeVar():
                self._range_var(item, scope)
            case ast.RangeSubselect():
                derived = self.statement(item.subquery, scope)
                alias, names = _alias(item.alias)
                scope.sources.append((alias, derived.renamed(names)))
            case ast.JoinExpr():
                self._join(item, scope)
            case ast.RangeTableSample():
                self._from(item.relation, scope)
            case ast.RangeFunction():
                alias, names = _alias(item.alias)
                for part in children(item):
                    self._touch(part, scope)
                scope.sources.append((alias, Derived(dict.fromkeys((*names, alias)), is_open=True)))

    def _range_var(self, item: ast.RangeVar, scope: Scope) -> None:
        alias, names = _alias(item.alias)
        relation = str(item.relname)
        alias = alias or relation
        derived = scope.cte(relation) if item.schemaname is None else None
        table = None if derived is not None else self.catalog.find(item.schemaname or None, relation)
        if table is not None and table.view_sql is not None:
            derived = self.statement(single_statement(table.view_sql), None)
        if derived is not None:
            scope.sources.append((alias, derived.renamed(names)))
        elif table is not None:
            scope.sources.append((alias, self._use(table, alias, names)))
        else:
            self.comparisons.notes.append(f"{relation} is not in the catalogue")

    def _use(self, table: Table, alias: str, names: Sequence[str]) -> Base:
        if len(self.uses) >= USES_MAX:
            raise StatementRefused(f"the statement uses more than {USES_MAX} tables")
        use = TableUse(table, alias)
        self.uses.append(use)
        return Base(use, dict(zip(names, table.columns, strict=False)))

    def _join(self, item: ast.JoinExpr, scope: Scope) -> None:
        start = len(scope.sources)
        self._from(item.larg, scope)
        middle = len(scope.sources)
        self._from(item.rarg, scope)
        left, right = scope.sources[start:middle], scope.sources[middle:]
        names: list[str] = list(strings(item.usingClause))
        if item.isNatural:
            there = {name for _, source in right for name in _names(source)}
            names = [name for _, source in left for name in _names(source) if name in there]
        for name in names:
            column = _column(name)
            self._touch(column, Scope(sources=left))
            self._touch(column, Scope(sources=right))
            self.comparisons.equal_readings(read(column, Scope(sources=left)), read(column, Scope(sources=right)))
        self._touch(item.quals, scope)
        self.comparisons.collect(item.quals, scope)
        if item.alias is not None:
            inner = Scope(sources=scope.sources[start:])
            outputs = {name: Behind(_column(name), inner) for _, source in inner.sources for name in _names(source)}
            scope.sources.append((str(item.alias.aliasname), Derived({**outputs})))

    def _outputs(self, node: ast.SelectStmt, scope: Scope) -> dict[str, Behind | None]:
        outputs: dict[str, Behind | None] = {}
        for target in node.targetList or ():
            value = target.val
            if id(node) in self._unread:
                continue
            self._touch(value, scope)
            last = (value.fields or (None,))[-1] if isinstance(value, ast.ColumnRef) else None
            if isinstance(last, ast.A_Star):
                for source in scope.whole_rows(value):
                    for name in _names(source):
                        outputs.setdefault(name, Behind(_column(name), Scope(None, [("", source)])))
            else:
                outputs.setdefault(str(target.name) if target.name else _given_name(value), Behind(value, scope))
        return outputs

    def _touch(self, node: ast.Node | None, scope: Scope) -> None:
        """Mark every column read, and analyse every subquery in an expression."""
        match node:
            case None:
                return
            case ast.SubLink():
                self._touch(node.testexpr, scope)
                inner = node.subselect
                is_exists = node.subLinkType == enums.SubLinkType.EXISTS_SUBLINK
                if is_exists and isinstance(inner, ast.SelectStmt) and not inner.groupClause:
                    self._unread.add(id(inner))
                derived = self.statement(node.subselect, scope)
                if node.subLinkType == enums.SubLinkType.ANY_SUBLINK and node.testexpr is not None:
                    row = node.testexpr.args if isinstance(node.testexpr, ast.RowExpr) else (node.testexpr,)
                    for side, output in zip(row or (), derived.outputs.values(), strict=False):
                        if output is not None:
                            self.comparisons.equal_readings(read(side, scope), read(output.node, output.scope))
            case ast.ColumnRef():
                for use, column in read(node, scope).references:
                    use.columns.add(column)
                for source in scope.whole_rows(node):
                    self._touch_all(source)
            case _:
                for child in children(node):
                    self._touch(child, scope)

    def _touch_all(self, source: Base | Derived) -> None:
        if isinstance(source, Base):
            source.use.columns.update(source.use.table.columns)
        else:
            for behind in source.outputs.values():
                if behind is not None:
                    self._touch(behind.node, behind.scope)

    def _limit_roles(self, node: ast.SelectStmt) -> None:
        for part, role in ((node.limitCount, Role.LIMIT), (node.limitOffset, Role.OFFSET)):
            if isinstance(part, ast.ParamRef) and part.number:
                self.comparisons.parameters.setdefault(part.number, ParameterRole(role))


def _alias(alias: ast.Alias | None) -> tuple[str, tuple[str, ...]]:
    return ("", ()) if alias is None else (str(alias.aliasname), strings(alias.colnames))


def _column(name: str) -> ast.ColumnRef:
    return ast.ColumnRef(fields=(ast.String(sval=name),))


def _names(source: Base | Derived) -> list[str]:
    return source.names() if isinstance(source, Base) else list(source.outputs)


def _given_name(value: ast.Node) -> str:
    """The name that PostgreSQL gives an output column without AS."""
    while isinstance(value, ast.TypeCast) and value.arg is not None:
        value = value.arg
    match value:
        case ast.ColumnRef():
            return (strings(value.fields) or ("?column?",))[-1]
        case ast.FuncCall():
            return strings(value.funcname)[-1]
        case ast.CoalesceExpr():
            return "coalesce"
    return "?column?"
