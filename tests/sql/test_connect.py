"""References: what is accepted, what is refused, and that a secret never shows."""

from __future__ import annotations

import pickle
import socket
import traceback

import psycopg
import pytest

from tests.conftest import Database
from trimtab.model.errors import DsnError, PermissionMissing, ServerUnreachable, TrimtabError
from trimtab.sql.connect import PatientConnection, Reference, scrub

ACCEPTED = [
    ("postgresql://watch@db:5433/shop", "postgresql://watch@db:5433/shop"),
    ("postgres://watch:${PW}@db/shop?sslmode=require", "postgresql://watch@db/shop"),
    ("postgresql:///shop?host=/run/postgresql&passfile=/etc/pass", "postgresql://%2Frun%2Fpostgresql/shop"),
    ("host=db port=5433 dbname=shop user=watch password=${PW}", "postgresql://watch@db:5433/shop"),
    ("host=db password = '${PW}${MORE}' dbname='a b'", "postgresql://db/a%20b"),
    ("service=shop", "service=shop"),
    ("env:SHOP_DSN", "env:SHOP_DSN"),
    ("${SHOP_DSN}", "env:SHOP_DSN"),
    ("host=${SHOP_HOST} port=${SHOP_PORT} dbname=shop", "postgresql://${SHOP_HOST}:${SHOP_PORT}/shop"),
    ("user=me@server host=a,b port=1,2 dbname=d", "postgresql://me%40server@a,b:1,2/d"),
]

LITERAL = "5ecr3t"
REFUSED = [
    f"postgresql://watch:{LITERAL}@db/shop",
    f"postgresql://watch:{LITERAL}%40@db/shop",
    f"postgresql://watch:a/{LITERAL}@db/shop",
    f"postgresql://watch:12/{LITERAL}@db/shop",
    f"postgresql://watch:a?{LITERAL}@db/shop",
    f"postgresql://watch:a#{LITERAL}@db/shop",
    f"postgresql://watch:a@{LITERAL}@db/shop",
    f"postgresql://watch%3A{LITERAL}@db/shop",
    f"postgresql://db/shop?password={LITERAL}",
    f"postgresql://db/shop?pass%77ord={LITERAL}",
    f"postgresql://db/shop?sslpassword={LITERAL}&password=${{PW}}",
    f"postgresql://watch:{LITERAL}@db/shop?password=${{PW}}",
    f"postgresql://db/shop?password={LITERAL}&password=${{PW}}",
    f"postgresql://watch:{LITERAL}${{PW}}@db/shop",
    f"postgresql+psycopg://watch:{LITERAL}@db/shop",
    f"jdbc:postgresql://db/shop?user=u&password={LITERAL}",
    f"host=db password={LITERAL}",
    f"host=db password = '{LITERAL} x'",
    f"host=db password='{LITERAL}' password=${{PW}}",
    f"host=db PASSWORD={LITERAL}",
    f"host=db password=a {LITERAL}",
    f"host=db sslpassword={LITERAL}",
    f"host=db scram_client_key={LITERAL}",
    f"host=db oauth_client_secret={LITERAL}",
    f"host=db options='-c app.password={LITERAL}'",
    f"host=db dbname=postgresql://u:{LITERAL}@h/d",
    f"host=db dbname='password={LITERAL}'",
    f"host=db user=watch:{LITERAL}",
    f"host=db port={LITERAL}",
    f"env:postgresql://watch:{LITERAL}@db/shop",
    f"host=db password=${{{LITERAL}}}",
    f"host=db user=${{PW password={LITERAL}",
    f"host=db passwort={LITERAL}",
    f"host=db \0password={LITERAL}",
    LITERAL,
    f"host=db user={LITERAL * 1000}",
]


@pytest.mark.parametrize(("text", "display"), ACCEPTED)
def test_a_reference_without_a_secret_is_accepted_and_read_back(text: str, display: str) -> None:
    reference = Reference.parse(text)
    assert reference.display == str(reference) == display
    assert Reference.parse(reference.stored) == reference


@pytest.mark.parametrize("text", REFUSED)
def test_a_literal_secret_is_refused_and_never_shown(text: str) -> None:
    with pytest.raises(DsnError) as caught:
        Reference.parse(text)
    assert_hidden(caught.value, LITERAL)


def test_the_refusal_says_how_to_do_it_instead() -> None:
    with pytest.raises(DsnError, match=r"passfile.*service=NAME.*\$\{NAME\}.*env:NAME"):
        Reference.parse("host=db password=x")


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("env:SHOP_DSN", {}, r"SHOP_DSN is not set"),
        ("host=${H}", {"H": ""}, r"variable H is not set or empty"),
        ("env:SHOP_DSN", {"SHOP_DSN": f"postgresql://w:a/{LITERAL}@db/x"}, "cannot be part of it"),
        ("env:SHOP_DSN", {"SHOP_DSN": f"host=db pass word={LITERAL}"}, "cannot be read"),
        ("host=db port=${PORT}", {"PORT": LITERAL}, "its port"),
    ],
)
def test_variables_that_are_missing_or_broken_are_named(text: str, variables: dict[str, str], expected: str) -> None:
    with pytest.raises(DsnError, match=expected) as caught:
        Reference.parse(text).connect(environment=variables)
    assert_hidden(caught.value, LITERAL)


def test_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused at once
        reference = Reference.parse(f"postgresql://w:${{PW}}@127.0.0.1:{taken.getsockname()[1]}/x")
        with caplog.at_level("DEBUG"), pytest.raises(ServerUnreachable, match="could not connect to postgresql") as e:
            reference.connect(environment={"PW": LITERAL})
    assert_hidden(e.value, LITERAL)
    assert LITERAL not in caplog.text


def test_an_echoed_secret_is_scrubbed_in_every_spelling() -> None:
    assert scrub("a p'w%/x b p%27w%25%2Fx c p%27w%25/x", ["p'w%/x"]) == "a *** b *** c ***"


@pytest.mark.postgres
def test_a_session_for_looking_cannot_write_and_has_its_limits(database: Database) -> None:
    reference = Reference.parse(database.dsn("postgres"))
    with reference.connect("trimtab test", statement_timeout_ms=1234) as connection:
        row = connection.execute(
            "SELECT current_setting('application_name'), current_setting('statement_timeout'),"
            " current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'),"
            " current_setting('transaction_read_only')"
        ).fetchone()
    assert row == ("trimtab test", "1234ms", "1s", "30s", "on")


@pytest.mark.postgres
def test_a_server_that_goes_silent_is_given_up(database: Database) -> None:
    """The statement sleeps on although its statement_timeout is over: as when the network is gone."""
    with Reference.parse(database.dsn("postgres")).connect() as connection:
        assert isinstance(connection, PatientConnection)
        assert connection.answer_timeout_s == 10.0
        connection.answer_timeout_s = 0.2
        with pytest.raises(psycopg.OperationalError, match=r"did not answer within 0\.2 s"):
            connection.execute("SELECT pg_sleep(2)")
        assert connection.closed


@pytest.mark.postgres
def test_a_session_for_changing_can_write(database: Database) -> None:
    reference = Reference.parse(database.dsn("trimtab_change"))
    with reference.connect(read_only=False, lock_timeout_ms=0, autocommit=False) as connection:
        connection.execute("SET ROLE shop_owner")
        connection.execute("CREATE TABLE t (a int)")


@pytest.mark.postgres
def test_a_role_that_does_not_exist_is_a_permission_problem(database: Database) -> None:
    reference = Reference.parse(f"host=127.0.0.1 port={database.cluster.port} user=nobody dbname={database.name}")
    with pytest.raises(PermissionMissing, match='role "nobody" does not exist'):
        reference.connect()


@pytest.mark.postgres
def test_a_secret_that_the_server_echoes_is_hidden(database: Database) -> None:
    """The server names the role it refused; here the role's name is the password, too."""
    reference = Reference.parse(f"host=127.0.0.1 port={database.cluster.port} dbname=x user=${{U}} password=${{PW}}")
    with pytest.raises(PermissionMissing) as caught:
        reference.connect(environment={"U": LITERAL, "PW": LITERAL})
    assert_hidden(caught.value, LITERAL)


def assert_hidden(error: TrimtabError, secret: str) -> None:
    """The secret is in no text that an error can turn into, local variables of our own frames included."""
    frames = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames.stack[:] = [f for f in frames.stack if "/trimtab/" in f.filename]
    shown = [repr(error), str(error), error.message, repr(error.facts), "".join(frames.format())]
    shown.append(repr(pickle.loads(pickle.dumps(error)).facts))
    assert error.__cause__ is None
    assert error.__context__ is None
    for text in shown:
        assert secret not in text
