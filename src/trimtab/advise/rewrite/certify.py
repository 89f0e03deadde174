"""The certificate of a rewrite: both forms priced, run on three kinds of data, measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg

from trimtab.advise.index.plans import cost
from trimtab.advise.index.session import Connection, server_errors
from trimtab.advise.rewrite.columns import only_read
from trimtab.advise.rewrite.compare import Pairing, compared, pairing_of
from trimtab.advise.rewrite.filling import copy_rows, fill
from trimtab.advise.rewrite.knowledge import Knowledge
from trimtab.advise.rewrite.measure import measured
from trimtab.advise.rewrite.model import Certificate, Check, Data, Measured, Outcome, Rewrite
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.scratch import NotPossible, Scratch, made, read_types
from trimtab.observe.postgres.explain import explain
from trimtab.observe.postgres.run_safety import why_not_run

NO_PRIVATE = "no private database was given to make small tables in"
NOT_COMPLETE = "it was not run there, since without a private database it would not be advised anyway"
NOT_ASKED = "running statements there was not asked for"
CLONE_GROWS = 4
"""So many times the rows where both forms returned none."""
PART_ROWS = 1_000
"""Of each table for each condition, where the original does not end on the whole data."""
ANSWER_SLACK_S = 3.0
"""A connection that gives up on a silent server must get the server's own refusal first."""


@dataclass(frozen=True, slots=True)
class CertifySettings:
    """Bounds of one certificate.

    `time_max_s` is for one run of one form on real data. `seeds` name the generated data; `rows` is how many rows each
    small table gets at most. `repetitions` 0 measures nothing.
    """

    time_max_s: float = 10.0
    seeds: Sequence[int] = (1, 2, 3)
    rows: int = 60
    repetitions: int = 5


def certify(
    rewrite: Rewrite,
    knowledge: Knowledge,
    connection: Connection,
    *,
    run_on_real_data: bool,
    private: Connection | None = None,
    settings: CertifySettings | None = None,
) -> Certificate:
    """Compare both forms of a rewrite.

    On `connection` they are only planned, unless `run_on_real_data` and there is `private`: then they are run there
    read-only. On `private`, a database that its owner gave for that, small tables are made, filled and rolled back;
    without one these comparisons are not possible, and the certificate says so. The cheap comparisons come first; one
    that differs ends it.
    """
    with server_errors(connection, "compare both forms"):
        return _certify(rewrite, knowledge, connection, run_on_real_data, private, settings or CertifySettings())


def _certify(
    rewrite: Rewrite,
    knowledge: Knowledge,
    connection: Connection,
    run_on_real_data: bool,
    private: Connection | None,
    settings: CertifySettings,
) -> Certificate:
    answer_s = getattr(connection, "answer_timeout_s", None)
    limit_s = settings.time_max_s if answer_s is None else max(1.0, min(settings.time_max_s, answer_s - ANSWER_SLACK_S))
    chosen = replace(settings, time_max_s=limit_s)
    before, after = (cost(explain(connection, text)["Plan"]) for text in (rewrite.statement, rewrite.rewritten))
    pairing = pairing_of(rewrite.statement, rewrite.rewritten, knowledge)
    if not isinstance(pairing, str):
        texts = (_bare(rewrite.statement), rewrite.rewritten)
        danger = next((why for text in texts if (why := why_not_run(connection, text)) is not None), None)
        pairing = f"it is not run: {danger}" if danger is not None else pairing
    if isinstance(pairing, str):
        checks = tuple(Check(data, Outcome.NOT_POSSIBLE, why=pairing) for data in Data)
        return Certificate(rewrite.proof, before, after, checks, notes=rewrite.caveats)
    checks_made = list(_on_small_tables(rewrite, knowledge, connection, private, pairing, chosen))
    times: Measured | None = None
    if any(check.outcome is Outcome.DIFFERENT for check in checks_made):
        checks_made.append(Check(Data.REAL, Outcome.NOT_POSSIBLE, why="it differs already on small tables"))
    elif not run_on_real_data:
        checks_made.append(Check(Data.REAL, Outcome.NOT_POSSIBLE, why=NOT_ASKED))
    elif private is None:
        checks_made.append(Check(Data.REAL, Outcome.NOT_POSSIBLE, why=NOT_COMPLETE))
    else:
        with read_only(connection, chosen.time_max_s):
            if chosen.repetitions:
                times = measured(
                    connection,
                    _bare(rewrite.statement),
                    rewrite.rewritten,
                    repetitions=chosen.repetitions,
                    time_max_s=chosen.time_max_s,
                )
            if times is not None and times.original_is_cut:
                checks_made.append(_on_a_part(rewrite, knowledge, connection, private, pairing, chosen))
            else:
                checks_made.append(compared(connection, pairing, Data.REAL))
    return Certificate(
        rewrite.proof, before, after, tuple(checks_made), times, notes=(*pairing.notes, *rewrite.caveats)
    )


def _bare(text: str) -> str:
    return text.strip().rstrip(";")


def _on_small_tables(
    rewrite: Rewrite,
    knowledge: Knowledge,
    connection: Connection,
    private: Connection | None,
    pairing: Pairing,
    settings: CertifySettings,
) -> Iterator[Check]:
    if private is None:
        yield Check(Data.CLONE, Outcome.NOT_POSSIBLE, why=NO_PRIVATE)
        yield Check(Data.GENERATED, Outcome.NOT_POSSIBLE, why=NO_PRIVATE)
        return
    query = Query.of(rewrite.statement, knowledge)
    done: list[Check] = []
    try:
        after = Query.of(rewrite.rewritten, knowledge)
        types = only_read(read_types(connection, query), query, after)
        with made(private, query, types) as scratch:
            there = Pairing(scratch.moved(pairing.before), scratch.moved(pairing.after), pairing.is_list)
            for seed in settings.seeds:
                fill(scratch, settings.rows, seed, after)
                done.append(compared(private, there, Data.GENERATED, seed))
                scratch.clear()
            done.append(_on_a_clone(scratch, connection, private, there, settings))
    except (NotPossible, psycopg.Error) as error:
        if private.closed or connection.closed:
            raise
        words = error.message if isinstance(error, NotPossible) else f"the server says {error.sqlstate}"
        missing = [data for data in (Data.CLONE, Data.GENERATED) if data not in {check.data for check in done}]
        done += [Check(data, Outcome.NOT_POSSIBLE, why=words) for data in missing]
    yield from done


def _on_a_clone(
    scratch: Scratch, connection: Connection, private: Connection, there: Pairing, settings: CertifySettings
) -> Check:
    """Both forms on real rows with NULLs: more rows and other NULLs where both returned none, which shows nothing."""
    rows = settings.rows
    for seed in settings.seeds:
        scratch.clear()
        with read_only(connection, settings.time_max_s):
            copy_rows(scratch, connection, rows, seed)
        check = compared(private, there, Data.CLONE, seed)
        if check.rows or check.outcome is not Outcome.SAME:
            break
        rows *= CLONE_GROWS
    return check


def _on_a_part(
    rewrite: Rewrite,
    knowledge: Knowledge,
    connection: Connection,
    private: Connection,
    pairing: Pairing,
    settings: CertifySettings,
) -> Check:
    """Both forms on rows of the real data that belong together, as they are: on all of it the original does not end."""
    late = f"the original did not end in {settings.time_max_s:g} s"
    query = Query.of(rewrite.statement, knowledge)
    after = Query.of(rewrite.rewritten, knowledge)
    try:
        with made(private, query, only_read(read_types(connection, query), query, after)) as scratch:
            there = Pairing(scratch.moved(pairing.before), scratch.moved(pairing.after), pairing.is_list)
            copy_rows(scratch, connection, PART_ROWS, None)
            rows = scratch.rows_count()
            check = compared(private, there, Data.REAL)
    except (NotPossible, psycopg.Error) as error:
        if private.closed or connection.closed:
            raise
        words = error.message if isinstance(error, NotPossible) else f"the server says {error.sqlstate}"
        return Check(Data.REAL, Outcome.NOT_POSSIBLE, why=f"{late}, and on a part of the data: {words}")
    said = f": {check.why}" if check.why else ""
    return replace(check, why=f"on a part of it, {rows} rows of {len(scratch.base_tables())} tables, as {late}{said}")


@contextmanager
def read_only(connection: Connection, time_max_s: float) -> Iterator[None]:
    """One snapshot in which nothing can be written; rolled back."""
    is_outermost = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    with connection.transaction(force_rollback=True):
        if is_outermost:
            connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", prepare=False)
        connection.execute(f"SET LOCAL statement_timeout = {int(time_max_s * 1000)}".encode(), prepare=False)
        connection.execute(b"SET LOCAL lock_timeout = 1000", prepare=False)
        yield
