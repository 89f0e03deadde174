"""From a slow query to proposals. `_advise` is the table of contents: read it to see what happens, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from trimtab.advise.index.advice import Advice, AdviseSettings, Considered
from trimtab.advise.index.candidates import Candidate, composite, taken_in_turn
from trimtab.advise.index.choice import ranked, why_not
from trimtab.advise.index.covering import covering
from trimtab.advise.index.existing import same_or_wider
from trimtab.advise.index.parameters import Statements, base_text, refusal, statements_of
from trimtab.advise.index.partial import Constant, constants_of, partial
from trimtab.advise.index.pricing import Priced, Pricing
from trimtab.advise.index.proposing import proposal
from trimtab.advise.index.reasons import reason
from trimtab.advise.index.session import Connection, bounded, extend_search_path, require_hypopg, server_errors
from trimtab.advise.index.what_if import BudgetSpent, WhatIf, what_if
from trimtab.advise.index.write_cost import updated_columns
from trimtab.model.errors import StatementRefused
from trimtab.model.query import SlowQuery
from trimtab.sql.catalog import Catalog, Table, TableWrites
from trimtab.sql.catalog_reader import read_catalog
from trimtab.sql.conditions import TableUse
from trimtab.sql.explainable import explainable
from trimtab.sql.literals import seen
from trimtab.sql.trees import common_table_names, single_statement

TELLING_SETS = 3
"""Every candidate is priced on so many statements (dearest, middle, cheapest), the best ones then on all."""

FINALISTS = 6
_SYSTEM_SCHEMAS = ("pg_catalog", "information_schema", "pg_toast")


def advise(
    connection: Connection,
    query: SlowQuery,
    *,
    system: str,
    settings: AdviseSettings | None = None,
    residuals: Sequence[float] = (),
    writes: Mapping[str, TableWrites] | None = None,
) -> Advice:
    """Proposals for one slow query, or the plain reason why there is none. Nothing is built or executed.

    `residuals` are log(measured ÷ predicted) of changes measured before; from 20 on they make the interval.
    `writes` tells how tables ("schema.table") are written lately; else the server's counters since their reset count.
    Raises `ExtensionMissing` (HypoPG), `PermissionMissing` or `ServerUnreachable`, the first two with the SQL that
    would help. The session is left as it was found.
    """
    try:
        with bounded(connection):
            return _advise(connection, query, system, settings or AdviseSettings(), residuals, writes or {})
    except StatementRefused as error:
        return Advice((), reason=refusal(error))


def _advise(
    connection: Connection,
    query: SlowQuery,
    system: str,
    settings: AdviseSettings,
    residuals: Sequence[float],
    writes: Mapping[str, TableWrites],
) -> Advice:
    sight = seen(query)
    base = base_text(sight, query.text)
    explainable(base)
    catalog = _catalog(connection, base, writes)
    require_hypopg(catalog.hypopg_schema)
    extend_search_path(connection, catalog.extra_schemas)
    statements = statements_of(
        connection,
        sight,
        query.text,
        catalog,
        sets_max=settings.parameter_sets_max,
        constant_samples_min=settings.constant_samples_min,
    )
    with what_if(
        connection,
        catalog,
        statements.sets.statements,
        calls_max=settings.what_if_calls_max,
        time_max_s=settings.time_max_s,
    ) as prices:
        constants = _constants(statements, settings)
        try:
            prices.price_baseline()
        except BudgetSpent:
            raise StatementRefused(f"{prices.calls} what-if calls were allowed, too few to price it as it is") from None
        pricing = Pricing(connection, prices, query, settings, residuals, constants, list(catalog.tables.values()))
        work = _Work(statements.analyses[0].uses, settings, prices, pricing)
        work.refuse_tables()
        candidates = _candidates(work.uses, catalog, constants, settings)
        try:
            work.price_all(candidates)
            work.price_covering()
            work.price_finalists()
        except BudgetSpent:
            work.notes.append(f"stopped after {prices.calls} what-if calls: the bound of calls or time was reached")
        order = ranked(list(work.priced.values()), settings)[: settings.proposals_max]
        tables = tuple(sorted({use.table.relation for use in statements.analyses[0].uses}))
        proposals = tuple(proposal(best, query, system, statements, tables) for best in order)
        notes = (*statements.analyses[0].notes, *work.notes)
        why = (
            None
            if proposals
            else reason(work.uses, catalog, list(work.priced.values()), work.refused, notes, settings, prices)
        )
        return Advice(
            proposals=proposals,
            considered=work.considered([best.candidate for best in order]),
            reason=why,
            what_if_calls=prices.calls,
            what_if_calls_max=prices.calls_max,
            notes=notes,
        )


def _catalog(connection: Connection, text: str, writes: Mapping[str, TableWrites]) -> Catalog:
    """The catalogue of the statement's relations, with write rates as they are known best."""
    tree = single_statement(text)
    with server_errors(connection, "read the catalogue"):
        catalog = read_catalog(connection, [tree])
    unknown = set(catalog.missing) - common_table_names(tree)
    if unknown:
        raise StatementRefused(f"this database has no {', '.join(sorted(unknown))} in reach")
    columns = {}
    if any(table.writes.hot_updates_per_s > 0 for table in catalog.tables.values()):
        columns = updated_columns(connection, list(catalog.tables.values()))

    def with_writes(table: Table) -> Table:
        known = writes.get(table.relation, table.writes)
        if known.updated_columns is None:
            known = replace(known, updated_columns=columns.get(table.relation))
        return replace(table, writes=known)

    return replace(catalog, tables={oid: with_writes(table) for oid, table in catalog.tables.items()})


def _constants(statements: Statements, settings: AdviseSettings) -> dict[int, tuple[Constant, ...]]:
    """The constant conditions of each table, by oid; of tables that are used once in every statement seen."""
    found: dict[int, tuple[Constant, ...]] = {}
    for use in statements.analyses[0].uses:
        same = [[u for u in analysis.uses if u.table.oid == use.table.oid] for analysis in statements.analyses]
        if all(len(uses) == 1 for uses in same):
            known = statements.literals_are_constant
            found[use.table.oid] = constants_of([uses[0] for uses in same], settings, literals_are_constant=known)
    return found


def _candidates(
    uses: Sequence[TableUse], catalog: Catalog, constants: Mapping[int, Sequence[Constant]], settings: AdviseSettings
) -> list[Candidate]:
    """Candidates of all tables, the most promising of each first."""
    lists: list[list[Candidate]] = []
    for use in uses:
        lists.append(composite(use, catalog))
        lists.append(partial(use, catalog, constants.get(use.table.oid, ())))
    return taken_in_turn(lists, settings.candidates_max)


class _Work:
    """Candidates on their way: priced, refused, and the notes about them."""

    def __init__(self, uses: Sequence[TableUse], settings: AdviseSettings, prices: WhatIf, pricing: Pricing) -> None:
        self.uses = list(uses)
        self.settings = settings
        self.prices = prices
        self.pricing = pricing
        self.priced: dict[object, Priced] = {}
        self.refused: list[Considered] = []
        self.notes: list[str] = []

    def refuse_tables(self) -> None:
        """Leave out tables that no index can be built on, or that are too small for one."""
        kept = []
        for use in self.uses:
            problem = _unfit(use.table, self.settings)
            if problem is None:
                kept.append(use)
            elif problem not in self.notes:
                self.notes.append(problem)
        self.uses = kept

    def price_all(self, candidates: Sequence[Candidate]) -> None:
        """A first price for each candidate on the most telling statements."""
        places = self.prices.telling_places(TELLING_SETS)
        for candidate in candidates:
            self._price(candidate, places)

    def price_covering(self) -> None:
        """INCLUDE variants of the best candidates so far."""
        best = ranked(list(self.priced.values()), self.settings)[:FINALISTS]
        places = self.prices.telling_places(TELLING_SETS)
        for priced in best:
            uses = [use for use in self.uses if use.table.oid == priced.candidate.table.oid]
            for made in covering(priced.candidate, uses[0], self.settings) if len(uses) == 1 else []:
                self._price(made, places)

    def price_finalists(self) -> None:
        """The best candidates again, on every statement."""
        places = self.prices.telling_places(len(self.prices.baseline))
        for priced in ranked(list(self.priced.values()), self.settings)[:FINALISTS]:
            if len(priced.price.places) < len(places):
                self._price(priced.candidate, places)

    def considered(self, proposed: Sequence[Candidate]) -> tuple[Considered, ...]:
        """Every candidate with its outcome, the cheapest first."""
        lines: list[Considered] = []
        for priced in sorted(self.priced.values(), key=lambda p: p.prediction.after_ms):
            is_proposed = any(priced.candidate is candidate for candidate in proposed)
            outcome = "proposed" if is_proposed else why_not(priced, self.settings) or "another one is better"
            lines.append(priced.considered(outcome))
        return (*lines, *self.refused)

    def _price(self, candidate: Candidate, places: Sequence[int]) -> None:
        definition = candidate.definition
        there = same_or_wider(candidate.table, definition)
        if there is not None:
            self.refused.append(Considered(definition, candidate.why, f"{there.name} is there and serves it"))
            return
        price = self.prices.price(candidate, places)
        if isinstance(price, str):
            self.refused.append(Considered(definition, candidate.why, price))
            return
        priced = self.pricing.priced(candidate, price, self.uses)
        self.priced[definition] = priced


def _unfit(table: Table, settings: AdviseSettings) -> str | None:
    """Why no index is considered on a table; None where one may be."""
    pages = table.size_bytes // 8192
    reasons: Iterator[tuple[bool, str]] = iter(
        (
            (table.kind == "f", "is a foreign table: index it where its rows are"),
            (table.kind not in {"r", "m", "p"}, "is no table"),
            (table.is_temporary, "is a temporary table"),
            (table.schema in _SYSTEM_SCHEMAS, "belongs to the system"),
            (pages < settings.table_pages_min, f"has {pages} pages: reading it whole is cheap"),
        )
    )
    return next((f"{table.relation} {text}" for applies, text in reasons if applies), None)
