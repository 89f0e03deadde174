"""Writes down how servers of every version plan and run the cases: `python -m tests.analyze.plans.recording [N ...]`.

Each case is run once for EXPLAIN's text and once for its JSON, so times differ and all else is the same. A case that
does not speak, or is not quiet, is not written: the message says so.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from demo.cluster import DEFAULT_SETTINGS, Cluster
from tests.analyze.plans.cases import CASES, DEFAULTS, SHOP, Case
from tests.postgres.servers import PACKAGED
from trimtab.analyze.queries.plans.hints import hints_of
from trimtab.analyze.queries.plans.reading import read_plans
from trimtab.sql.versions import VERSIONS

FOLDER = Path("tests/data/plans")
ANALYZED = "ANALYZE, BUFFERS, SETTINGS"
ALL_FORMS = (13, 15, 18)
"""Versions of which verbose text and plain estimates are kept, too."""


@contextmanager
def cluster_of(major: int) -> Iterator[Cluster]:
    """A server of this version."""
    cluster = Cluster.temporary({"fsync": "off", "shared_preload_libraries": "", "autovacuum": "off"})
    cluster.programs = PACKAGED[major].programs
    cluster.without = frozenset({"compute_query_id", "pg_stat_statements.track"}) & frozenset(DEFAULT_SETTINGS)
    with cluster:
        yield cluster


def explained(
    connection: psycopg.Connection[Any], statement: str, settings: Mapping[str, str], options: str
) -> str | list[dict[str, Any]]:
    """What EXPLAIN says, in a transaction that is rolled back: JSON decoded, text as one."""
    with connection.transaction(force_rollback=True):
        for name, value in {**DEFAULTS, **settings}.items():
            connection.execute("SELECT set_config(%s, %s, true)", (name, value))
        rows = connection.execute(f"EXPLAIN ({options}) {statement}".encode()).fetchall()
    return rows[0][0] if not isinstance(rows[0][0], str) else "\n".join(row[0] for row in rows)


def recorded(connection: psycopg.Connection[Any], case: Case, *, all_forms: bool) -> dict[str, Any]:
    """The forms of one case."""
    quiet = case.settings if case.quiet_settings is None else case.quiet_settings
    forms = {
        "text": explained(connection, case.fires, case.settings, ANALYZED),
        "json": explained(connection, case.fires, case.settings, f"{ANALYZED}, FORMAT JSON"),
        "quiet": explained(connection, case.quiet, quiet, f"{ANALYZED}, FORMAT JSON"),
    }
    if all_forms:
        forms["verbose"] = explained(connection, case.fires, case.settings, "ANALYZE, BUFFERS, VERBOSE, TIMING off")
        forms["estimated"] = explained(connection, case.fires, case.settings, "FORMAT JSON")
    return forms


def is_as_wanted(case: Case, forms: Mapping[str, Any]) -> bool:
    """Whether the rule speaks of the one and not of the other."""
    spoken = {
        name: {one.id for one in hints_of(read_plans(_text(forms[name]))[0])} for name in ("text", "json", "quiet")
    }
    wanted = case.rule in spoken["text"] and case.rule in spoken["json"] and case.rule not in spoken["quiet"]
    if not wanted:
        print(f"  {case.rule}: {spoken}\n{forms['text']}", file=sys.stderr)
    return wanted


def _text(form: Any) -> str:
    return form if isinstance(form, str) else json.dumps(form)


def record(major: int) -> int:
    """Ask a server of one version; how many cases were not as wanted."""
    found: dict[str, Any] = {}
    failed = 0
    with cluster_of(major) as cluster, psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        for statement in SHOP:
            connection.execute(statement.encode())
        for case in (one for one in CASES if one.since <= major):
            forms = recorded(connection, case, all_forms=major in ALL_FORMS)
            if is_as_wanted(case, forms):
                found[case.rule] = forms
            else:
                failed += 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = [f"{json.dumps(name)}: {json.dumps(forms, separators=(',', ':'))}" for name, forms in found.items()]
    (FOLDER / f"{major}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"PostgreSQL {major}: {len(found)} cases, {failed} not as wanted")
    return failed


def main(wanted: list[str]) -> int:
    """Record the versions that are named, or all."""
    return min(1, sum(record(major) for major in [int(word) for word in wanted] or VERSIONS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
