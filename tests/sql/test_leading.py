"""Statements turned round for HypoPG, and SELECTs that stand for writes: run both, they must give the same rows."""

from __future__ import annotations

import psycopg
import pytest

from tests.conftest import Database
from trimtab.model.errors import StatementRefused
from trimtab.sql.catalog_reader import read_catalog
from trimtab.sql.explainable import explainable
from trimtab.sql.leading import with_first
from trimtab.sql.trees import single_statement

TURNED = [
    "SELECT * FROM a JOIN b ON b.x = a.x",
    "SELECT * FROM a LEFT JOIN b ON b.x = a.x WHERE a.y > 2",
    "SELECT * FROM a RIGHT JOIN b ON b.x = a.x",
    "SELECT * FROM a FULL JOIN b USING (x)",
    "SELECT * FROM a NATURAL JOIN b",
    "SELECT * FROM c, a LEFT JOIN b ON b.x = a.x AND b.y = a.y WHERE c.x = a.x",
    "SELECT * FROM a JOIN (c LEFT JOIN b ON b.x = c.x) ON c.y = a.y",
    "SELECT * FROM (a LEFT JOIN c ON c.x = a.y) LEFT JOIN b ON b.y = c.y ORDER BY a.x LIMIT 100",
    "SELECT * FROM a LEFT JOIN LATERAL (SELECT * FROM c WHERE c.x = a.y LIMIT 1) l ON true JOIN b ON b.x = a.x",
    "WITH w AS (SELECT * FROM a) SELECT * FROM w, b WHERE b.x = w.x",
]


INNER = [
    "SELECT s.x, n FROM (SELECT a.x, count(b.y) AS n FROM a LEFT JOIN b ON b.x = a.x GROUP BY a.x) AS s WHERE n > 1",
    "WITH s AS (SELECT DISTINCT c.x FROM c, b WHERE c.y = b.y) SELECT s.x FROM s JOIN a ON a.x = s.x",
]


def rows_of(connection: psycopg.Connection[tuple[object, ...]], query: str) -> list[str]:
    """Rows as sorted (column, value) pairs: the order of columns may differ."""
    cursor = connection.execute(query.encode())
    names = [column.name for column in cursor.description or ()]
    return sorted(repr(sorted(zip(names, row, strict=True), key=repr)) for row in cursor)


@pytest.mark.postgres
def test_turned_statements_give_the_same_rows(database: Database) -> None:
    database.execute(
        *[
            f"CREATE TABLE {name} AS SELECT i % {n} AS x, nullif(i % {n + 2}, 1) AS y, '{name}' AS {name}_ "
            "FROM generate_series(1, 25) i"
            for name, n in (("a", 4), ("b", 5), ("c", 7))
        ]
    )
    with psycopg.connect(database.dsn()) as connection:
        for text in TURNED:
            tree = single_statement(text)
            table = read_catalog(connection, [tree]).find(None, "b")
            assert table is not None
            turned = with_first(text, table, "b")
            assert turned is not None
            assert turned.split("FROM", 1 + turned.startswith("WITH"))[-1].lstrip().startswith("b")
            rows = [rows_of(connection, query) for query in (text, turned)]
            assert rows[0] == rows[1], turned
        for text in INNER:
            tree = single_statement(text)
            table = read_catalog(connection, [tree]).find(None, "b")
            assert table is not None
            turned = with_first(text, table, "b")
            assert turned is not None
            assert "FROM b" in turned
            assert rows_of(connection, text) == rows_of(connection, turned), turned
        for text in ("SELECT 1 FROM (SELECT a.x FROM a, b) AS s", "SELECT * FROM (SELECT * FROM a, b ORDER BY 1) AS s"):
            table = read_catalog(connection, [single_statement(text)]).find(None, "b")
            assert table is not None
            assert with_first(text, table, "b") is None


@pytest.mark.postgres
def test_a_write_and_its_select_find_the_same_rows(database: Database) -> None:
    database.execute("CREATE TABLE a AS SELECT i AS id, i % 5 AS x FROM generate_series(1, 50) i")
    database.execute("CREATE TABLE b AS SELECT i AS y, i % 3 AS z FROM generate_series(1, 9) i")
    pairs = [
        "UPDATE a SET x = x WHERE x = 3 RETURNING id",
        "UPDATE a AS t SET x = 1 FROM b WHERE b.y = t.x AND b.z = 0 RETURNING t.id",
        "DELETE FROM a USING b WHERE b.y = a.x AND b.z = 1 RETURNING a.id",
        "WITH w AS (SELECT y FROM b) DELETE FROM a WHERE x IN (SELECT y FROM w) RETURNING id",
        "SELECT id FROM a WHERE x = 2 FOR UPDATE",
    ]
    with psycopg.connect(database.dsn()) as connection:
        for text in pairs:
            select = connection.execute(explainable(text).encode()).fetchall()
            written = connection.execute(text.encode()).fetchall()
            connection.rollback()
            assert {row[0] for row in select} == {row[0] for row in written}


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO a VALUES (1)",
        "SELECT * INTO b FROM a",
        "WITH d AS (DELETE FROM a RETURNING *) SELECT * FROM d",
        "UPDATE a SET x = 1 WHERE CURRENT OF c",
        "MERGE INTO a USING b ON a.id = b.y WHEN MATCHED THEN DELETE",
        "TRUNCATE a",
        "EXPLAIN SELECT 1",
        "SELECT 1; DROP TABLE a",
    ],
)
def test_what_cannot_be_priced_is_refused(text: str) -> None:
    with pytest.raises(StatementRefused):
        explainable(text)
