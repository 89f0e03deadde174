"""The fixtures themselves work: a private server with the extensions and roles that the rest relies on."""

from __future__ import annotations

import psycopg
import pytest

from tests.conftest import Database


@pytest.mark.postgres
def test_the_database_has_extensions_and_roles(database: Database) -> None:
    with psycopg.connect(database.dsn("trimtab_watch")) as connection:
        row = connection.execute("SELECT count(*) FROM pg_extension WHERE extname IN ('hypopg','pg_stat_statements')")
        assert row.fetchone() == (2,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE t (a int)")
