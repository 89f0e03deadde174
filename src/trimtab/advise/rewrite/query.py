"""One statement with every name resolved: blocks, what each reads, and what each column reference means.

`Query.of` also brings the statement into a form in which parts of it can be moved without changing their meaning: every
column is written `alias.column`, and no alias stands twice in the statement. What cannot be resolved with certainty
(whole rows, system columns, recursion, NATURAL, functions with unknown columns) is refused as a whole.
"""

from __future__ import annotations

from pglast import ast, enums

from trimtab.advise.rewrite.blocks import Block, Body, Meaning, Source
from trimtab.advise.rewrite.knowledge import NOTHING, Facts, Knowledge
from trimtab.advise.rewrite.nodes import AGGREGATES, column_of, conjuncts, given_name
from trimtab.model.errors import StatementRefused
from trimtab.sql.expressions import same_tree
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import children, single_statement, strings, walk

BLOCKS_MAX = 60
DEPTH_MAX = 40
_JOIN = enums.JoinType
_Item = ast.RangeVar | ast.RangeSubselect | ast.RangeFunction


class Query:
    """A statement, resolved. `meaning` maps a ColumnRef (by id) to what it means; `tree` is written anew by rules."""

    def __init__(self, tree: ast.SelectStmt, knowledge: Knowledge) -> None:
        self.tree = tree
        self.knowledge = knowledge
        self.blocks: list[Block] = []
        self.bodies: dict[int, Body] = {}
        self.meaning: dict[int, Meaning] = {}
        self._aliases: set[str] = set()
        self._written: dict[int, list[tuple[str, Source]]] = {}
        self._named_outputs: list[tuple[ast.ResTarget, str]] = []
        self._depth = 0
        self.top = self._body(tree, None, {})

    @classmethod
    def of(cls, text: str, knowledge: Knowledge) -> Query:
        """Parse, refuse what no rule may touch, resolve."""
        tree = single_statement(text)
        if not isinstance(tree, ast.SelectStmt):
            raise StatementRefused(f"{type(tree).__name__} is no SELECT: only those are rewritten")
        for node in walk(tree):
            _refuse(node, knowledge)
        try:
            return cls(tree, knowledge)
        except RecursionError:
            raise StatementRefused("the statement is nested too deeply") from None

    def text(self) -> str:
        """The statement as it stands now; checked to mean what the tree means. Outputs keep their names."""
        for target, name in self._named_outputs:
            if not target.name and given_name(target.val) != name:
                target.name = name
        written = spelled(self.tree)
        if not same_tree(single_statement(written), self.tree):
            raise StatementRefused("the rewritten statement could not be written down unchanged")
        return written

    def facts(self, source: Source) -> Facts:
        """What is certain about a source; nothing where it is no table."""
        return self.knowledge.of(source.table) if source.table is not None else NOTHING

    def new_alias(self, wish: str) -> str:
        """An alias that stands nowhere yet."""
        number = 1
        alias = wish
        while alias in self._aliases:
            number += 1
            alias = f"{wish}_{number}"
        self._aliases.add(alias)
        return alias

    def references(self, node: object) -> list[tuple[ast.ColumnRef, Meaning]]:
        """Every column reference in it, also those inside subqueries."""
        return [
            (one, self.meaning[id(one)])
            for one in (walk(node) if node is not None else ())
            if isinstance(one, ast.ColumnRef) and id(one) in self.meaning
        ]

    def sources_of(self, node: object, block: Block) -> list[Source]:
        """The sources of this block that it speaks of, each once."""
        found = [meaning.source for _, meaning in self.references(node) if meaning.block is block]
        return list(dict.fromkeys(found))

    def speaks_of_others(self, node: object, block: Block) -> bool:
        """Whether it refers to blocks around this one."""
        around = set()
        parent = block.parent
        while parent is not None:
            around.add(id(parent))
            parent = parent.parent
        return any(id(meaning.block) in around for _, meaning in self.references(node))

    # building

    def _body(
        self, select: ast.Node | None, parent: Block | None, ctes: dict[str, Body], *, link: ast.SubLink | None = None
    ) -> Body:
        if not isinstance(select, ast.SelectStmt):
            raise StatementRefused("a subquery that is no SELECT is left as it is")
        self._depth += 1
        if self._depth > DEPTH_MAX or len(self.blocks) > BLOCKS_MAX:
            raise StatementRefused(f"the statement has more than {BLOCKS_MAX} blocks, or {DEPTH_MAX} in each other")
        ctes = dict(ctes)
        if select.withClause is not None:
            if select.withClause.recursive:
                raise StatementRefused("a recursive WITH is left as it is")
            for item in select.withClause.ctes or ():
                if not isinstance(item.ctequery, ast.SelectStmt):
                    raise StatementRefused("a statement that writes inside a WITH is left as it is")
                made = self._body(item.ctequery, parent, ctes)
                made.cte = item
                if item.aliascolnames and made.names is not None:
                    given = list(strings(item.aliascolnames))
                    made.names = [*given, *made.names[len(given) :]]
                ctes[str(item.ctename)] = made
        if select.op != enums.SetOperation.SETOP_NONE:
            left = self._body(select.larg, parent, ctes)
            right = self._body(select.rarg, parent, ctes)
            body = Body(select, [*left.blocks, *right.blocks], left.names, True, link)
            self._touch_all((select.limitCount, select.limitOffset), Block(select, parent, ctes=ctes))
        elif select.valuesLists:
            block = Block(select, parent, ctes=ctes)
            self._touch_all(select.valuesLists, block)
            first = select.valuesLists[0]
            block.targets = [(f"column{n + 1}", value) for n, value in enumerate(first)]
            names = [name for name, _ in block.targets]
            body = Body(select, [block], names, True, link)  # several rows of expressions: like a set operation
            self._touch_all((select.limitCount, select.limitOffset), block)
        else:
            block = self._block(select, parent, ctes)
            named = None if block.targets is None else [name for name, _ in block.targets]
            body = Body(select, [block], named, False, link)
            block.body = body
        self.bodies[id(select)] = body
        self._depth -= 1
        return body

    def _block(self, select: ast.SelectStmt, parent: Block | None, ctes: dict[str, Body]) -> Block:
        block = Block(select, parent, ctes=ctes)
        self.blocks.append(block)
        self._named_outputs += [
            (target, given_name(target.val))
            for target in select.targetList or ()
            if not target.name and not isinstance(((getattr(target.val, "fields", None)) or (None,))[-1], ast.A_Star)
        ]
        for item in select.fromClause or ():
            self._from(item, block, inner=True)
        self._touch_all((select.whereClause, select.targetList, select.havingClause, select.windowClause), block)
        self._touch_all((select.limitCount, select.limitOffset), block)
        block.targets = self._targets(block)
        outputs = {name for name, _ in block.targets} if block.targets is not None else None
        for part in select.groupClause or ():
            if not (_bare(part) and outputs is not None and _bare(part) in outputs and not self._finds(part, block)):
                self._touch(part, block)
        for sort in (*(select.sortClause or ()), *(d for d in select.distinctClause or () if d is not None)):
            part = sort.node if isinstance(sort, ast.SortBy) else sort
            if not _bare(part) or (outputs is not None and _bare(part) not in outputs):
                self._touch(part, block)
        return block

    def _targets(self, block: Block) -> list[tuple[str, ast.Node]] | None:
        found: list[tuple[str, ast.Node]] = []
        for target in block.select.targetList or ():
            value = target.val
            last = (value.fields or (None,))[-1] if isinstance(value, ast.ColumnRef) else None
            if not isinstance(last, ast.A_Star):
                found.append((str(target.name) if target.name else given_name(value), value))
                continue
            qualifier = strings(value.fields)
            if block.merged and not qualifier:
                return None
            for source in block.sources:
                if qualifier and source.alias != qualifier[-1]:
                    continue
                if source.names is None:
                    return None
                for name in source.names:
                    reference = column_of(source.alias, name)
                    self.meaning[id(reference)] = Meaning(block, source, name)
                    found.append((name, reference))
        return found

    def _from(self, item: ast.Node | None, block: Block, *, inner: bool) -> list[Source]:
        match item:
            case ast.RangeVar():
                return [self._table(item, block, inner)]
            case ast.RangeSubselect():
                scope = block if item.lateral else block.parent
                body = self._body(item.subquery, scope, block.ctes)
                if item.alias is None:
                    raise StatementRefused("a derived table without an alias is left as it is")
                source = Source(str(item.alias.aliasname), item, body=body, names=body.names, is_inner=inner)
                source.lateral = bool(item.lateral)
                return [self._named(source, item, block)]
            case ast.RangeFunction():
                for part in children(item):
                    self._touch(part, block)
                if item.alias is None:
                    raise StatementRefused("a function in FROM without an alias is left as it is")
                names = list(strings(item.alias.colnames)) or None
                source = Source(str(item.alias.aliasname), item, names=names, is_inner=inner, lateral=True)
                return [self._named(source, item, block)]
            case ast.JoinExpr():
                return self._join(item, block, inner)
        raise StatementRefused(f"{type(item).__name__} in FROM is left as it is")

    def _table(self, item: ast.RangeVar, block: Block, inner: bool) -> Source:
        name = str(item.relname)
        body = block.ctes.get(name) if item.schemaname is None else None
        if body is not None:
            source = Source(name, item, body=body, names=body.names, is_inner=inner)
        else:
            table = self.knowledge.catalog.find(item.schemaname or None, name)
            if table is None:
                raise StatementRefused(f"{name} is not in the catalogue")
            if not item.inh and table.kind != "p":
                raise StatementRefused("ONLY is left as it is")
            source = Source(name, item, table=table, names=list(table.columns), is_inner=inner)
        if item.alias is not None:
            source.alias = str(item.alias.aliasname)
        return self._named(source, item, block)

    def _named(self, source: Source, item: _Item, block: Block) -> Source:
        given = list(strings(item.alias.colnames)) if item.alias is not None else []
        if given and source.names is not None and not isinstance(item, ast.RangeFunction):
            own = source.names
            source.names = [*given, *own[len(given) :]]
            source.own_names = dict(zip(source.names, own, strict=True))
        was = source.alias
        source.alias = self.new_alias(was)
        if source.alias != was:
            self._rename_stars(block.select, was, source.alias)
        if source.alias != (item.relname if isinstance(item, ast.RangeVar) else None) or item.alias is not None:
            names = item.alias.colnames if item.alias is not None else None
            item.alias = ast.Alias(aliasname=source.alias, colnames=names)
        self._written.setdefault(id(block), []).append((was, source))
        block.sources.append(source)
        return source

    def _rename_stars(self, select: ast.SelectStmt, was: str, now: str) -> None:
        for target in select.targetList or ():
            value = target.val
            is_star = isinstance(value, ast.ColumnRef) and isinstance((value.fields or (None,))[-1], ast.A_Star)
            if is_star and strings(value.fields)[-1:] == (was,):
                value.fields = (ast.String(sval=now), ast.A_Star())

    def _join(self, item: ast.JoinExpr, block: Block, inner: bool) -> list[Source]:
        kind = item.jointype
        if item.isNatural or item.alias is not None or item.join_using_alias is not None:
            raise StatementRefused("NATURAL joins and joins with an alias are left as they are")
        if kind not in {_JOIN.JOIN_INNER, _JOIN.JOIN_LEFT, _JOIN.JOIN_RIGHT, _JOIN.JOIN_FULL}:
            raise StatementRefused("a join of an unknown kind is left as it is")
        plain = kind == _JOIN.JOIN_INNER
        left = self._from(item.larg, block, inner=inner and plain)
        right = self._from(item.rarg, block, inner=inner and plain)
        if item.usingClause:
            if not (plain or kind == _JOIN.JOIN_LEFT):
                raise StatementRefused("USING of a right or full join is left as it is")
            for name in strings(item.usingClause):
                owners = [source for source in left if source.has(name)]
                if len(owners) != 1:
                    raise StatementRefused(f"the column {name} of USING could not be resolved")
                block.merged.setdefault(name, owners[0])
        if kind in {_JOIN.JOIN_LEFT, _JOIN.JOIN_FULL}:
            for source in right:
                source.optional = True
        if kind in {_JOIN.JOIN_RIGHT, _JOIN.JOIN_FULL}:
            for source in left:
                source.optional = True
        self._touch(item.quals, block, [*left, *right])
        if plain and inner:
            block.inner_conditions += conjuncts(item.quals)
        elif not plain:
            block.outer_joins.append((item, left, right))
        return [*left, *right]

    def _touch_all(self, parts: tuple[object, ...], block: Block) -> None:
        for part in parts:
            if isinstance(part, tuple):
                self._touch_all(part, block)
            elif isinstance(part, ast.Node):
                self._touch(part, block)

    def _touch(self, node: ast.Node | None, block: Block, among: list[Source] | None = None) -> None:
        match node:
            case None:
                return
            case ast.SubLink():
                self._touch(node.testexpr, block, among)
                self._body(node.subselect, block, block.ctes, link=node)
            case ast.ColumnRef():
                if not isinstance((node.fields or (None,))[-1], ast.A_Star):
                    self._resolve(node, block, among)
            case _:
                for child in children(node):
                    self._touch(child, block, among)

    def _finds(self, node: ast.Node, block: Block) -> bool:
        name = _bare(node)
        return name is not None and any(source.has(name) for source in block.sources)

    def _resolve(self, node: ast.ColumnRef, block: Block, among: list[Source] | None) -> None:
        names = strings(node.fields)
        if len(names) != len(node.fields or ()) or not 1 <= len(names) <= 3:
            raise StatementRefused("a column reference could not be resolved")
        scope: Block | None = block
        while scope is not None:
            if (source := self._source(names, scope, among if scope is block else None)) is not None:
                node.fields = (ast.String(sval=source.alias), ast.String(sval=names[-1]))
                self.meaning[id(node)] = Meaning(scope, source, names[-1])
                return
            scope = scope.parent
        raise StatementRefused(f"the column {names[-1]} could not be resolved: a whole row, or a system column?")

    def _source(self, names: tuple[str, ...], scope: Block, among: list[Source] | None) -> Source | None:
        written = self._written.get(id(scope), [])
        reach = [(was, source) for was, source in written if among is None or source in among]
        if len(names) > 1:
            for was, source in reach:
                is_schema = len(names) == 2 or (source.table is not None and source.table.schema == names[0])
                if was == names[-2] and is_schema and (source.names is None or source.has(names[-1])):
                    return source
            return None
        found = [source for _, source in reach if source.has(names[0])]
        if any(source.names is None for _, source in reach):
            raise StatementRefused(f"the column {names[0]} could not be resolved: a function's columns are not known")
        if names[0] in scope.merged and len(found) > 1:
            return scope.merged[names[0]]
        if len(found) > 1:
            raise StatementRefused(f"the column {names[0]} could not be resolved: several sources have it")
        return found[0] if found else None


def _bare(node: ast.Node | None) -> str | None:
    if isinstance(node, ast.ColumnRef):
        names = strings(node.fields)
        if len(names) == 1 == len(node.fields or ()):
            return names[0]
    return None


def _refuse(node: ast.Node, knowledge: Knowledge) -> None:
    match node:
        case ast.LockingClause():
            raise StatementRefused("it locks rows: which ones would change")
        case ast.RangeTableSample():
            raise StatementRefused("it draws a sample of a table")
        case ast.InsertStmt() | ast.UpdateStmt() | ast.DeleteStmt() | ast.MergeStmt() | ast.IntoClause():
            raise StatementRefused("it writes")
        case ast.FuncCall():
            name = (strings(node.funcname) or ("?",))[-1]
            kinds = knowledge.catalog.volatility.get(name, frozenset())
            if "v" in kinds:
                raise StatementRefused(f"{name} is volatile: how often it is called would change")
            if "a" in kinds and node.over is None and name not in AGGREGATES:
                raise StatementRefused(f"{name} may be an aggregate that is not known")
        case ast.RangeVar() if node.relname:
            table = knowledge.catalog.find(node.schemaname or None, str(node.relname))
            if table is not None and table.view_sql is not None:
                for inner in walk(single_statement(table.view_sql)):
                    _refuse(inner, knowledge)
