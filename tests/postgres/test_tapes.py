"""Every version's recorded answers, played to the reading code of today: grade F (nothing of a server runs here)."""

from __future__ import annotations

from typing import cast

import pytest

from tests.postgres import tape
from tests.postgres.looking import PLANNED, check, look
from tests.postgres.proofs import Grade, proves
from trimtab.sql.connect import Connection
from trimtab.sql.versions import (
    ACTIVITY_QUERY_ID,
    DATABASE_COUNTERS_AGE,
    GENERIC_PLAN,
    LISTS_SQUASHED,
    LOCALE_PROVIDER,
    LOCK_WAIT_START,
    MERGE,
    NEVER_ANALYSED,
    NULLS_NOT_DISTINCT,
    READ_ALL_DATA,
    STATEMENTS_EXEC_TIME,
    STATEMENTS_INFO,
    STATEMENTS_IO_TIME,
    STATEMENTS_SINCE,
    STATEMENTS_TOPLEVEL,
    STATEMENTS_WAL,
    SUBPLAN_NAMES,
    VERSIONS,
    VIRTUAL_COLUMNS,
)


@proves(
    Grade.REPLAYED,
    STATEMENTS_EXEC_TIME,
    STATEMENTS_WAL,
    STATEMENTS_TOPLEVEL,
    STATEMENTS_INFO,
    STATEMENTS_IO_TIME,
    STATEMENTS_SINCE,
    LISTS_SQUASHED,
    ACTIVITY_QUERY_ID,
    LOCK_WAIT_START,
    GENERIC_PLAN,
    SUBPLAN_NAMES,
    MERGE,
    NEVER_ANALYSED,
    LOCALE_PROVIDER,
    DATABASE_COUNTERS_AGE,
    VIRTUAL_COLUMNS,
    NULLS_NOT_DISTINCT,
    READ_ALL_DATA,
)
@pytest.mark.parametrize("major", VERSIONS)
def test_what_was_seen_once_is_read_the_same_today(major: int) -> None:
    header, answers = tape.read(tape.FOLDER / f"{major}.json")
    seen = look(cast(Connection, tape.Playing(header, answers)), lambda: None, lambda: None)
    check(seen, major, has_hypopg=False)
    assert seen.facts.version == header["version"]


@proves(Grade.REPLAYED, GENERIC_PLAN)
@pytest.mark.parametrize("major", VERSIONS)
def test_a_generic_plan_is_asked_for_as_the_version_knows_it(major: int) -> None:
    _, answers = tape.read(tape.FOLDER / f"{major}.json")
    asked = [str(entry["sql"]) for entry in answers]
    modern = GENERIC_PLAN.applies(major * 10_000)
    assert any(sql.startswith("EXPLAIN (GENERIC_PLAN") for sql in asked) is modern
    assert any(sql.startswith("PREPARE trimtab_plan_n") for sql in asked) is not modern
    assert sum(sql.startswith("EXPLAIN") for sql in asked) >= len(PLANNED)


def test_a_query_that_is_not_on_the_tape_says_how_to_record_it() -> None:
    playing = tape.Playing({"user": "u", "database": "d", "version_num": 180_000, "parameters": {}}, [])
    with pytest.raises(AssertionError, match="record it again with `make postgres-versions RECORD=1`"):
        playing.execute("SELECT 1")
