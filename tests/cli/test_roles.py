"""The role script, run by psql on a real server: it works, it works again, and the doctor finds nothing missing."""

from __future__ import annotations

import psycopg
import pytest
from click.testing import CliRunner

from tests.conftest import Database
from tests.observe.support import psql
from trimtab.app.doctor import examine
from trimtab.cli.main import main

pytestmark = pytest.mark.postgres

USEFUL = {"plans_of_writes", "track_activity_query_size"}


def script(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["roles", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["roles", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr


def run_twice(database: Database, text: str) -> None:
    assert "PASSWORD '" not in text
    psql(database.cluster, database.name, text)
    psql(database.cluster, database.name, text)


def test_both_roles_have_what_they_need(database: Database) -> None:
    name = database.name
    database.execute(f"CREATE ROLE {name}_owner NOLOGIN", f"ALTER SCHEMA public OWNER TO {name}_owner")
    database.execute(f"SET ROLE {name}_owner; CREATE TABLE orders (id int PRIMARY KEY)")
    run_twice(database, script("--watch-role", f"{name}_w", "--change-role", f"{name}_c", "--owner", f"{name}_owner"))
    found = examine(database.dsn(f"{name}_w"), database.dsn(f"{name}_c"))
    assert {c.name for side in found.sides for c in side.checks if not c.ok} <= USEFUL
    with (
        psycopg.connect(database.dsn(f"{name}_w"), autocommit=True) as watching,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        watching.execute("CREATE TABLE x ()")
    with psycopg.connect(database.dsn(f"{name}_c"), autocommit=True) as changing:
        changing.execute("CREATE INDEX CONCURRENTLY trimtab_x ON orders (id)")
        changing.execute("DROP INDEX CONCURRENTLY trimtab_x")


def test_temporary_files_of_the_role_that_watches_are_bounded(database: Database) -> None:
    """A limit that somebody chose stays; who is no superuser is told, and the rest of the script is done."""
    name = database.name
    text = script("--watch-role", f"{name}_w")
    run_twice(database, text)
    assert shown(database, f"{name}_w") == "1GB"
    found = {check.name: check for check in examine(database.dsn(f"{name}_w")).watch.checks}
    assert (found["temp_file_limit"].ok, found["temp_file_limit"].sql) == (True, None)
    database.execute(f"ALTER ROLE {name}_w SET temp_file_limit = '3GB'")
    run_twice(database, text)
    assert shown(database, f"{name}_w") == "3GB"
    database.execute(f"ALTER ROLE {name}_w RESET temp_file_limit")
    found = {check.name: check for check in examine(database.dsn(f"{name}_w")).watch.checks}
    assert not found["temp_file_limit"].ok
    assert found["temp_file_limit"].sql == f"ALTER ROLE {name}_w SET temp_file_limit = '1GB';"
    bounded = text[text.index("-- A probe, or a statement") :]
    database.execute(f"CREATE ROLE {name}_maker LOGIN CREATEROLE", f"GRANT {name}_w TO {name}_maker WITH ADMIN OPTION")
    said = raised(database, f"BEGIN; {bounded[: bounded.index('COMMIT;')]} COMMIT;", f"{name}_maker")
    assert [line.partition(":")[0] for line in said] == ["trimtab"]
    assert "a superuser alone may do" in said[0]


def shown(database: Database, role: str) -> str:
    with psycopg.connect(database.dsn(role)) as connection:
        row = connection.execute("SHOW temp_file_limit").fetchone()
    assert row is not None
    return str(row[0])


def test_names_that_must_be_quoted(database: Database) -> None:
    watch, change, owner = (f'{database.name} "{what}\'s" \\role:' for what in ("watch", "change", "owner"))
    database.execute('CREATE ROLE "' + owner.replace('"', '""') + '" NOLOGIN', 'CREATE SCHEMA "Odd; schema"')
    text = script("--watch-role", watch, "--change-role", change, "--owner", owner, "--schema", "Odd; schema")
    run_twice(database, text)
    with psycopg.connect(database.dsn()) as connection:
        found = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND rolcanlogin ORDER BY 1", ([watch, change],)
        ).fetchall()
        may = connection.execute("SELECT has_schema_privilege(%s, 'Odd; schema', 'CREATE')", (change,)).fetchone()
    assert [row[0] for row in found] == sorted([watch, change])
    assert may == (True,)


def test_before_14_rights_are_granted_table_by_table(database: Database) -> None:
    name = database.name
    database.execute(f"CREATE ROLE {name}_owner NOLOGIN", f"ALTER SCHEMA public OWNER TO {name}_owner")
    database.execute(f"SET ROLE {name}_owner; CREATE TABLE old (id int)")
    text = script("--watch-role", f"{name}_w", "--owner", f"{name}_owner", "--server-version", "13")
    assert "pg_read_all_data" not in text
    run_twice(database, text)
    database.execute(f"SET ROLE {name}_owner; CREATE TABLE new (id int)")
    with psycopg.connect(database.dsn(f"{name}_w")) as connection:
        connection.execute("SELECT * FROM old, new")


def test_a_dsn_tells_schemas_owners_and_version(database: Database) -> None:
    name = database.name
    database.execute(
        f"CREATE ROLE {name}_owner NOLOGIN",
        f'CREATE SCHEMA "Sales" AUTHORIZATION {name}_owner',
        f'SET ROLE {name}_owner; CREATE TABLE "Sales".orders (id int)',
    )
    text = script(database.dsn(), "--change-role", f"{name}_c", "--watch-role", f"{name}_w")
    assert f"GRANT {name}_owner TO {name}_c;" in text
    assert f'GRANT CREATE ON SCHEMA "Sales" TO {name}_c;' in text
    run_twice(database, text)
    assert "GRANT CREATE" not in script(database.dsn())
    assert "no table in nowhere" in refused(database.dsn(), "--schema", "nowhere")


HOW = "The script says how to give them an owner of their own"


def raised(database: Database, text: str, user: str = "postgres") -> list[str]:
    """The server's warnings while it runs a script."""
    heard: list[str] = []
    with psycopg.connect(database.dsn(user), autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: heard.append(f"{notice.severity} {notice.message_primary}"))
        connection.execute(text.encode())
    return [line.removeprefix("WARNING ") for line in heard if line.startswith("WARNING ")]


def test_a_role_that_could_change_nothing_is_not_left_out_in_silence(database: Database) -> None:
    done = CliRunner().invoke(main, ["roles", database.dsn(), "--change-role", "c"])
    assert "WARNING: no table was found that could be changed; the role c is not made" in done.stderr
    quiet = CliRunner().invoke(main, ["roles", database.dsn(), "--watch-role", f"{database.name}_w"])
    assert quiet.stderr == ""
    assert raised(database, quiet.stdout) == []


def test_nothing_is_granted_on_tables_of_a_superuser(database: Database) -> None:
    database.execute("CREATE TABLE orders (id int)")
    text = script(database.dsn(), "--change-role", "c", "--watch-role", f"{database.name}_w")
    assert "GRANT postgres" not in text
    assert "--   ALTER TABLE public.orders OWNER TO app_owner;" in text
    run_twice(database, text)
    done = CliRunner().invoke(main, ["roles", database.dsn(), "--change-role", "c"])
    warning = "1 table belongs to postgres, a superuser: nothing is granted on it, and trimtab can change nothing there"
    assert f"{warning}; the role c is not made" in done.stderr
    assert raised(database, done.stdout) == [f"trimtab: {warning}; the role c is not made. {HOW}"]
    text = script("--watch-role", f"{database.name}_w", "--owner", "postgres")
    with pytest.raises(Exception, match="non-zero exit status"):
        psql(database.cluster, database.name, text)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--change-role", "c"), "--owner NAME"),
        (("--watch-role", ""), "must not be empty"),
        (("--watch-role", "x" * 64), "64 bytes"),
        (("--watch-role", "a\nDROP TABLE x; --"), "printable"),
        (("--watch-role", "a$trimtab$b"), "printable, and not hold $trimtab$"),
        (("--watch-role", "pg_monitor"), "keeps for itself"),
        (("--watch-role", "a", "--change-role", "a", "--owner", "o"), "another role than --watch-role"),
    ],
)
def test_names_that_cannot_be_roles_are_refused(arguments: tuple[str, ...], says: str) -> None:
    assert says in refused(*arguments)


def test_the_script_says_that_passwords_are_missing(database: Database) -> None:
    name = database.name
    database.execute(f"CREATE ROLE {name}_owner NOLOGIN")
    text = script("--watch-role", f"{name}_w", "--change-role", f"{name}_c", "--owner", f"{name}_owner")
    said: list[str | None] = []
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary))
        connection.execute(text.encode())
    (told,) = (line for line in said if line and "password" in line)
    assert f"in psql \\password {name}_w, \\password {name}_c; then a line" in told
    assert "~/.pgpass (mode 0600)" in told
