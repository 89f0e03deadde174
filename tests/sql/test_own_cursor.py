"""What trimtab sends to a watched server bears its mark: by the one cursor that all connections have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from psycopg import sql
from psycopg.rows import dict_row

import trimtab
from tests.conftest import Database
from trimtab.sql.connect import OWN_MARK, Reference
from trimtab.sql.own_cursor import marked

SOURCE = Path(trimtab.__file__).parent


@pytest.mark.parametrize(
    ("sent", "is_marked"),
    [
        (b"\n  SELECT 1", True),
        (b"(select 1) UNION SELECT 2", True),
        (b"WITH a AS (SELECT 1) TABLE a", True),
        (b"/* why */ -- so\nVALUES (1)", True),
        (b"UPDATE t SET a = 1", True),
        (b"EXPLAIN (FORMAT JSON) SELECT 1", False),
        (b"DECLARE c CURSOR FOR SELECT 1", False),
        (b"COPY (SELECT 1) TO STDOUT", False),
        (b"SELECTED", False),
    ],
)
def test_marks_stand_behind_the_first_word(sent: bytes, is_marked: bool) -> None:
    assert (OWN_MARK.encode() in marked(sent)) == is_marked
    assert marked(marked(sent)) == marked(sent)
    assert marked(sent).replace(OWN_MARK.encode(), b"").replace(b" ", b"") == sent.replace(b" ", b"")


def test_only_two_files_connect_to_a_postgresql() -> None:
    """A server that is watched is reached by `Reference.connect` alone, and a private one by the file that makes it."""
    pattern = re.compile(r"psycopg\.(?:Async)?(?:connect|Connection\.connect|AsyncConnection)\b|Connection\.connect\(")
    found = {str(file.relative_to(SOURCE)) for file in SOURCE.rglob("*.py") if pattern.search(file.read_text())}
    assert found == {"sql/connect.py", "advise/verify/private_server.py"}


@pytest.mark.postgres
def test_every_way_to_send_marks(database: Database) -> None:
    with Reference.parse(database.dsn("trimtab_watch")).connect() as connection:
        connection.execute("SELECT 4711 AS by_text")
        connection.execute(b"SELECT %s::int AS by_value", [1], binary=True)
        connection.execute(sql.SQL("SELECT 4711 + 1 AS {}").format(sql.Identifier("composed")))
        with connection.cursor(row_factory=dict_row) as cursor:
            assert cursor.execute("SELECT 4711 AS by_cursor, 'ä€' AS text").fetchone() == {
                "by_cursor": 4711,
                "text": "ä€",
            }
        rows = connection.execute(
            b"SELECT query FROM pg_stat_statements WHERE query ~ 'by_text|by_value|composed|by_cursor'"
        ).fetchall()
    texts = [query for (query,) in rows if "pg_stat_statements" not in query]
    assert len(texts) == 4, texts
    assert [text for text in texts if OWN_MARK not in text] == []
