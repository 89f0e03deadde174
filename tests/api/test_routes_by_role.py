"""The declarations, the application and docs/reference/access.md say the same about who may do what."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.routes_by_role import PAGE, VISITORS, Row, application, may, page, rows, was_let_in
from tests.api.served import Served
from trimtab.model.access import Permission

pytestmark = pytest.mark.store
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture(scope="module")
def made() -> Iterator[Served]:
    with application() as opened:
        yield opened


@pytest.fixture(scope="module")
def table(made: Served) -> list[Row]:
    return rows(made)


def test_everybody_is_let_in_where_they_may_and_nowhere_else(table: list[Row]) -> None:
    wrong = [
        (row.method, row.path, role)
        for row in table
        for number, role in enumerate(VISITORS)
        if was_let_in(row, number) != may(row, role)
    ]
    assert not wrong


def test_nothing_breaks(table: list[Row]) -> None:
    assert not [
        (row.method, row.path, row.statuses)
        for row in table
        if max(row.statuses) >= 500 and row.path != "/v1/metrics" and row.path != "/v1/logs"
    ]


def test_what_changes_something_takes_more_than_looking_and_is_audited(table: list[Row]) -> None:
    own = {
        "/api/trimtab/access/login",
        "/api/trimtab/access/logout",
        "/api/trimtab/access/password",
        "/login",
        "/logout",
        "/password",
    }
    for row in table:
        reads = row.door.only_reads and row.path.startswith(
            ("/api/v1/", "/elasticsearch/")
        )  # clients post queries, too
        if row.method in UNSAFE and row.path not in own and row.door.permission is not Permission.INGEST and not reads:
            assert row.door.permission in {Permission.DECIDE, Permission.ADMINISTER}, row
            assert row.door.action, row


def test_only_these_are_open_to_everybody(table: list[Row]) -> None:
    assert {(row.method, row.path) for row in table if row.door.permission is None} == {
        ("GET", "/healthz"),
        ("GET", "/api/trimtab/access/me"),
        ("POST", "/api/trimtab/access/login"),
        ("POST", "/api/trimtab/access/logout"),
        ("GET", "/login"),
        ("POST", "/login"),
        ("GET", "/static/{path:path}"),
    }


def test_the_page_tells_what_happened(table: list[Row]) -> None:
    assert PAGE.read_text("utf-8") == page(table), "python -m tests.api.routes_by_role"
