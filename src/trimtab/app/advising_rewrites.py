"""Advice on a workload with rewrites: forms are certified, and indexes chosen for the statements as they will be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from trimtab.advise.index.session import Connection, bounded
from trimtab.advise.rewrite.advising import RewriteSettings
from trimtab.advise.rewrite.together import Refused, Together, forms_together, rewritten_statements, total_cost
from trimtab.advise.verify.private_server import private_database
from trimtab.advise.workload.advisor import WorkloadSettings, advise_workload
from trimtab.advise.workload.statements import Left, WorkloadStatement
from trimtab.app.advising import MAKE, Advised, Trying, advise_on
from trimtab.model.errors import InputError, TrimtabError
from trimtab.sql.connect import Reference
from trimtab.sql.database_identity import identity_of, same_server
from trimtab.store.advice_record import AdviceRecord

SLACK_MS = 5_000
LOOK_S = 2.0
"""So long forms are looked for where nothing is run."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What may be done to certify rewrites.

    `run`: both forms may be executed on the system itself, read-only. `private` is a reference of a database where
    small tables may be made (everything is rolled back), or `make`: a server is started for it.
    """

    run: bool = False
    private: str | None = None
    time_max_s: float = 120.0
    settings: RewriteSettings = field(default_factory=RewriteSettings)

    @property
    def certifies(self) -> bool:
        """Whether anything can be compared at all."""
        return self.run and self.private is not None


@dataclass(frozen=True, slots=True)
class AdvisedTogether:
    """`advised` is for the statements as the advised rewrites write them.

    `cost_ratio` is the planner's cost of the whole workload with rewrites and indexes ÷ today's; None where no rewrite
    is advised.
    """

    advised: Advised
    together: Together
    cost_ratio: float | None = None


def advise_with_rewrites(
    reference: Reference,
    statements: Sequence[WorkloadStatement],
    left: Sequence[Left],
    *,
    settings: WorkloadSettings,
    trying: Trying,
    record: AdviceRecord | None,
    now_ms: Callable[[], int],
    rewriting: Rewriting,
) -> AdvisedTogether:
    """As `advise_on`, with other forms of the statements. Nothing is written on the system itself."""

    def asked(of: Sequence[WorkloadStatement], originals: Mapping[str, str] | None = None) -> Advised:
        return advise_on(
            reference,
            of,
            left,
            settings=settings,
            trying=trying,
            record=record,
            now_ms=now_ms,
            originals=originals,
        )

    if rewriting.private not in (None, MAKE):
        refuse_itself(reference, str(rewriting.private))
    if not rewriting.certifies:
        found = asked(statements)
        with reference.connect("trimtab/advise") as connection, bounded(connection):
            ddl = [one.ddl for one in found.advice.indexes]
            seen = _without_failing(connection, statements, ddl, rewriting)
        return AdvisedTogether(found, seen)
    limit_ms = int(rewriting.settings.certify.time_max_s * 1000) + SLACK_MS
    with (
        reference.connect(
            "trimtab/advise", statement_timeout_ms=limit_ms, idle_in_transaction_timeout_ms=10 * limit_ms
        ) as connection,
        ExitStack() as stack,
    ):
        half = replace(settings, time_max_s=settings.time_max_s / 2)
        first = advise_workload(connection, statements, left, settings=half)
        ddl = [one.ddl for one in first.indexes]
        private = stack.enter_context(private_connection(rewriting.private or MAKE, connection))
        together = forms_together(
            connection,
            statements,
            ddl,
            private=private,
            run=True,
            settings=rewriting.settings,
            time_max_s=rewriting.time_max_s,
        )
        texts = together.texts()
        ratio = None
        if texts:
            priced = [one for one in statements if one.name not in {gone.name for gone in first.left}]
            second = advise_workload(connection, rewritten_statements(statements, texts), left, settings=half)
            today = total_cost(connection, priced, {}, [])
            sums = [
                total_cost(connection, priced, texts, indexes) for indexes in (ddl, [one.ddl for one in second.indexes])
            ]
            ratio = min(sums) / today if today else None
    originals = {one.name: one.text for one in statements if one.name in texts}
    return AdvisedTogether(asked(rewritten_statements(statements, texts), originals), together, ratio)


def _without_failing(
    connection: Connection, statements: Sequence[WorkloadStatement], ddl: Sequence[str], rewriting: Rewriting
) -> Together:
    try:
        return forms_together(
            connection, statements, ddl, run=rewriting.run, settings=rewriting.settings, time_max_s=LOOK_S
        )
    except TrimtabError as error:
        if connection.closed:
            raise
        return Together(refused=(Refused("all statements", error.message),))


@contextmanager
def private_connection(named: str, original: Connection) -> Iterator[Connection]:
    """A database where small tables may be made: the one that is named, or one on a server made for it (`make`)."""
    if named == MAKE:
        with private_database(original.info.server_version // 10_000) as connection:
            connection.autocommit = True
            yield connection
        return
    reference = Reference.parse(named)
    with reference.connect(
        "trimtab/private", read_only=False, statement_timeout_ms=60_000, idle_in_transaction_timeout_ms=600_000
    ) as connection:
        connection.autocommit = True
        yield connection


def refuse_itself(system: Reference, named: str) -> None:
    """InputError where the private database is the one that is advised on.

    Small tables are made elsewhere, whether or not any statement needs them.
    """
    private = Reference.parse(named)
    with system.connect("trimtab/advise") as original, private.connect("trimtab/private") as connection:
        here, there = identity_of(original), identity_of(connection)
        if same_server(here, there) and original.info.dbname == connection.info.dbname:
            raise InputError(
                f"{private.display} is the database itself: name another one for small tables, or --private make",
                private=private.display,
            )
