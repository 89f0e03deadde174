"""The allow-list of the changing role: good statements run on a real server, hostile ones reach none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Database
from tests.sql.allowlist_statements import GOOD, HOSTILE, HOSTILE_FAMILIES
from trimtab.model.errors import StatementRefused
from trimtab.sql.allowlist import Kind, check, execute_change, prepare_session

TABLE = (
    "CREATE TABLE public.orders (id int PRIMARY KEY, customer_id int, status text, total numeric, email varchar(80),"
    " payload jsonb, created_at timestamptz, deleted_at timestamptz, archived bool)"
)


@pytest.fixture
def changing(database: Database) -> Iterator[psycopg.Connection[Any]]:
    database.execute(
        TABLE,
        "ALTER TABLE public.orders OWNER TO shop_owner",
        'CREATE SCHEMA "Größe" AUTHORIZATION shop_owner',
        'CREATE TABLE "Größe"."Order Lines" ("Menge" int)',
        'ALTER TABLE "Größe"."Order Lines" OWNER TO shop_owner',
    )
    with psycopg.connect(database.dsn("trimtab_change"), autocommit=True) as connection:
        prepare_session(connection)
        yield connection


def test_there_are_enough_hostile_statements(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 200
    refused = 0
    for statement in HOSTILE:
        with pytest.raises(StatementRefused):
            check(statement)
        refused += 1
    with capsys.disabled():
        print(f"\n{refused} of {len(HOSTILE)} hostile statements refused, in {len(HOSTILE_FAMILIES)} families")


@pytest.mark.parametrize(("statement", "sent"), GOOD, ids=range(len(GOOD)))
def test_good_statements_pass_in_our_spelling(statement: str, sent: str) -> None:
    assert check(statement).text == sent
    assert check(sent).text == sent


@pytest.mark.parametrize("statement", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_statements_are_refused(statement: str) -> None:
    with pytest.raises(StatementRefused):
        check(statement)


@given(st.text(max_size=200))
def test_noise_is_refused_or_one_of_ours(text: str) -> None:
    for statement in (text, f"CREATE INDEX CONCURRENTLY trimtab_x ON public.orders ({text})"):
        try:
            allowed = check(statement)
        except StatementRefused:
            continue
        assert check(allowed.text) == allowed


@pytest.mark.postgres
def test_good_statements_run(changing: psycopg.Connection[Any]) -> None:
    for statement, _ in GOOD:
        if check(statement).kind is Kind.DROP_INDEX:
            continue
        execute_change(changing, statement)
        row = changing.execute(
            "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE relname = 'trimtab_x'"
        ).fetchone()
        assert (row is not None) == (check(statement).kind is Kind.CREATE_INDEX)
        if row is not None:
            execute_change(changing, f'DROP INDEX CONCURRENTLY "{row[0]}".trimtab_x')


@pytest.mark.postgres
def test_hostile_statements_change_nothing(changing: psycopg.Connection[Any]) -> None:
    look = (
        "SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_roles),"
        " (SELECT string_agg(name || setting, ',' ORDER BY name) FROM pg_settings WHERE source = 'session')"
    )
    before = changing.execute(look).fetchone()
    for statement in HOSTILE:
        with pytest.raises(StatementRefused):
            execute_change(changing, statement)
    assert changing.execute(look).fetchone() == before


@pytest.mark.postgres
def test_a_function_of_the_same_name_in_public_is_not_called(changing: psycopg.Connection[Any]) -> None:
    """`lower(varchar)` in public fits a varchar column better than the server's `lower(text)`."""
    changing.execute(
        "CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
        " $$ BEGIN RAISE EXCEPTION 'smuggled'; END $$"
    )
    changing.execute("INSERT INTO public.orders (id, email) VALUES (1, 'A@x')")
    execute_change(changing, "CREATE INDEX CONCURRENTLY trimtab_x ON public.orders (lower(email))")
    row = changing.execute("SELECT pg_get_indexdef('public.trimtab_x'::regclass)").fetchone()
    assert row is not None
    assert "lower((email)::text)" in row[0]


@pytest.mark.postgres
@pytest.mark.parametrize(
    "spoil",
    ["SET search_path = public", "SET standard_conforming_strings = off", "SET client_encoding = 'LATIN1'", "BEGIN"],
)
def test_a_session_that_reads_differently_is_refused(changing: psycopg.Connection[Any], spoil: str) -> None:
    changing.execute(spoil.encode())
    with pytest.raises(StatementRefused):
        execute_change(changing, "ANALYZE public.orders")


@pytest.mark.postgres
def test_a_connection_without_autocommit_is_refused(database: Database) -> None:
    with psycopg.connect(database.dsn("trimtab_change")) as connection, pytest.raises(StatementRefused):
        execute_change(connection, "ANALYZE public.orders")
