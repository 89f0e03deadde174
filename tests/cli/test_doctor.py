"""The doctor on a real server: what is missing is said, in order, and its script gives it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from demo.cluster import Cluster
from tests.conftest import Database
from tests.observe.support import psql
from trimtab.app import doctor
from trimtab.app.doctor import MEANINGS, Weight
from trimtab.cli.main import main
from trimtab.observe.postgres.surroundings import Surroundings, notices
from trimtab.sql.connect import Connection, Reference

pytestmark = pytest.mark.postgres


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments])


def report(*arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(*arguments, "--format", "json").stdout)
    return document


def missing(side: dict[str, Any]) -> set[str]:
    return {check["name"] for check in side["checks"] if not check["ok"]}


@pytest.fixture
def looker(cluster: Cluster, database: Database) -> Iterator[str]:
    """A role with nothing but CONNECT, and a name that must be quoted."""
    cluster.execute('CREATE ROLE "the Looker" LOGIN')
    yield "the%20Looker"
    for name in (database.name, "postgres"):
        cluster.execute('DROP OWNED BY "the Looker"', database=name)
    cluster.execute('DROP ROLE "the Looker"')


def test_all_that_matters_is_there(database: Database) -> None:
    done = run(database.dsn("trimtab_watch"))
    assert done.exit_code == 0, done.output
    assert "Next: trimtab watch" in done.stdout.splitlines()[-1]
    assert "sees " in done.stdout
    found = report(database.dsn("trimtab_watch"))
    usual = {"plans_of_writes", "track_activity_query_size"}
    assert (
        missing(found["watch"]) - {"temp_file_limit"} == usual
    )  # the role is everybody's: another test may have set it
    assert found["watch"]["role"] == "trimtab_watch"


def test_the_script_has_all_that_is_missing_also_the_long_part(database: Database) -> None:
    dsn = database.dsn("trimtab_watch")
    assert "plans_of_writes: " in run(dsn).stdout
    assert "lines, which trimtab doctor --format sql has" in run(dsn).stdout
    text = run(dsn, "--format", "sql").stdout
    assert "CREATE OR REPLACE FUNCTION trimtab" in text
    psql(database.cluster, database.name, without_system(text))
    assert "plans_of_writes" not in missing(report(dsn)["watch"])


def test_what_is_missing_comes_in_order_and_its_script_gives_it(database: Database, looker: str) -> None:
    dsn = database.dsn(looker)
    done = run(dsn)
    assert done.exit_code == 1
    assert done.stdout.index("pg_monitor (essential)") < done.stdout.index("plans (important)")
    assert "without it the statements of your application stay hidden" in " ".join(done.stdout.split())
    assert 'GRANT pg_monitor TO "the Looker";' in done.stdout
    names = [str(check["name"]) for check in report(dsn)["watch"]["checks"]]
    assert names == sorted(names, key=list(MEANINGS).index)
    script = run(dsn, "--format", "sql")
    assert script.exit_code == 1
    lines = [line for line in script.stdout.splitlines() if "ALTER SYSTEM" not in line]  # that needs a restart
    psql(database.cluster, database.name, "\n".join(lines))
    done = run(dsn)
    assert done.exit_code == 0, done.stdout


def test_the_changing_role_is_looked_at_too(database: Database) -> None:
    database.execute("SET ROLE shop_owner; CREATE TABLE orders (id int PRIMARY KEY)")
    arguments = (database.dsn("trimtab_watch"), "--change-dsn", database.dsn("trimtab_change"))
    done = run(*arguments)
    assert done.exit_code == 0, done.stdout
    assert "The role that changes" in done.stdout
    assert missing(report(*arguments)["change"]) == set()


def test_what_the_changing_role_lacks_is_given_by_the_script(database: Database) -> None:
    owner, changer = f"{database.name} owner", f"{database.name}_changer"
    database.execute(
        f'CREATE ROLE "{owner}" NOLOGIN',
        f"CREATE ROLE {changer} LOGIN",
        f'CREATE SCHEMA "Sales" AUTHORIZATION "{owner}"',
        f'SET ROLE "{owner}"; CREATE TABLE "Sales".orders (id int PRIMARY KEY)',
    )
    arguments = (database.dsn("trimtab_watch"), "--change-dsn", database.dsn(changer))
    done = run(*arguments)
    assert done.exit_code == 1
    assert missing(report(*arguments)["change"]) == {
        "change_owner",
        "change_create",
        "change_drop",
        "change_sees_sessions",
    }
    assert f'GRANT "{owner}" TO {changer};' in done.stdout
    psql(database.cluster, database.name, without_system(run(*arguments, "--format", "sql").stdout))
    assert missing(report(*arguments)["change"]) == set()
    database.execute(f'REVOKE "{owner}" FROM {changer}', f'DROP OWNED BY "{owner}", {changer}')


def without_system(script: str) -> str:
    return "\n".join(line for line in script.splitlines() if "ALTER SYSTEM" not in line)


def test_tables_of_a_superuser_are_not_handed_over(database: Database) -> None:
    database.execute("CREATE TABLE orders (id int PRIMARY KEY)")
    arguments = (database.dsn("trimtab_watch"), "--change-dsn", database.dsn("trimtab_change"))
    done = run(*arguments)
    assert done.exit_code == 1
    assert "postgres is a superuser, and a member of it could become one" in done.stdout
    assert "GRANT postgres TO" not in done.stdout


def test_more_rights_than_needed_are_said(database: Database) -> None:
    database.execute("CREATE TABLE orders (id int PRIMARY KEY)")
    found = report(database.dsn("postgres"), "--change-dsn", database.dsn("postgres"))
    assert {"least_rights"} <= missing(found["watch"])
    assert {"change_least_rights"} <= missing(found["change"])
    assert {"least_rights"} <= missing(report(database.dsn("shop_app"))["watch"])


def test_two_references_must_lead_to_one_database(database: Database, cluster: Cluster) -> None:
    done = run(database.dsn("trimtab_watch"), "--change-dsn", cluster.dsn("postgres", "trimtab_change"))
    assert done.exit_code == 1
    assert "change_same_database (essential): the two references lead to different databases" in done.stdout


@pytest.mark.parametrize(
    ("user", "database_name", "says"),
    [
        ("nobody_at_all", None, "trimtab roles prints the script"),
        ("shop_owner", None, "ALTER ROLE name LOGIN"),
        ("trimtab_watch", "no_such_db", "psql -l lists the databases"),
    ],
)
def test_a_connection_that_fails_is_explained(
    database: Database, user: str, database_name: str | None, says: str
) -> None:
    done = run(database.cluster.dsn(database_name or database.name, user))
    assert done.exit_code == 3
    assert "NO CONNECTION" in done.stdout
    assert says in " ".join(done.stdout.split())
    assert done.stdout.splitlines()[-1].startswith("Next: mend the connection")


def test_a_reference_that_cannot_be_used_is_bad_input() -> None:
    done = run("postgresql://u:hunter2@db/x")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "hunter2" not in done.stderr
    done = run("env:NOT_SET_ANYWHERE")
    assert done.exit_code == 2
    assert "it is read by whoever connects" in done.stderr


def test_the_doctor_only_opens_read_only_sessions(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    real = Reference.connect

    def spy(self: Reference, *arguments: str, read_only: bool = True, statement_timeout_ms: int = 0) -> Connection:
        opened.append(read_only)
        return real(self, *arguments, read_only=read_only, statement_timeout_ms=statement_timeout_ms)

    monkeypatch.setattr(Reference, "connect", spy)
    doctor.examine(database.dsn("trimtab_watch"), database.dsn("trimtab_change"))
    assert opened == [True, True]


def test_every_check_has_a_meaning_and_its_place(database: Database) -> None:
    found = doctor.examine(database.dsn("trimtab_watch"), database.dsn("trimtab_change"))
    names = [check.name for side in found.sides for check in side.checks]
    assert sorted(names) == sorted(MEANINGS)
    weights = list(Weight)
    for side in found.sides:
        order = [weights.index(check.weight) for check in side.checks]
        assert order == sorted(order)


def test_a_pooler_and_a_standby_are_said() -> None:
    seen = Surroundings("shop", "w", False, False, False, 1, 8192, False, 1, 1, 1, None, None, "1GB")
    assert all(check.available for check in notices(seen))
    assert {c.name for c in notices(replace(seen, is_pooled=True)) if not c.available} == {"direct_connection"}
    assert {c.name for c in notices(replace(seen, is_standby=True)) if not c.available} == {"primary"}
