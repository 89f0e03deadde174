"""What this machine's files say about a reference, and the likely cause behind a message."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trimtab.sql.connect import Reference
from trimtab.sql.connection_causes import CAUSES, cause_of
from trimtab.sql.connection_clues import clues

SECRET = "hunter2"


def clue(home: Path, dsn: str, **environment: str) -> str:
    [said] = clues(Reference.parse(dsn), environment, home)
    return said


def write(file: Path, text: str, mode: int = 0o600) -> None:
    file.write_text(text)
    file.chmod(mode)


def test_a_passfile_is_told_to_be_missing_open_to_others_or_without_a_line(tmp_path: Path) -> None:
    dsn = "postgresql://watch@db:5433/shop"
    assert "is not there" in clue(tmp_path, dsn)
    write(tmp_path / ".pgpass", f"db:5433:shop:watch:{SECRET}\n", 0o644)
    assert "can be read by others, so libpq ignores it" in clue(tmp_path, dsn)
    write(tmp_path / ".pgpass", f"# ours\ndb:5432:shop:watch:{SECRET}\n")
    assert "has no line for db:5433:shop:watch" in clue(tmp_path, dsn)
    write(tmp_path / ".pgpass", f"# ours\n*:5433:*:watch:{SECRET}\n")
    assert "line 2 of the passfile" in clue(tmp_path, dsn)
    assert SECRET not in clue(tmp_path, dsn)


@pytest.mark.parametrize(
    ("dsn", "line"),
    [
        ("host=/var/run/postgresql user=watch dbname=shop", "localhost:5432:shop:watch:x"),
        ("postgresql://watch@db", "db:5432:watch:watch:x"),
        ("host=db user=watch dbname='a:b'", r"db:5432:a\:b:watch:x"),
    ],
)
def test_a_line_is_matched_as_libpq_does(tmp_path: Path, dsn: str, line: str) -> None:
    write(tmp_path / "passfile", line)
    assert "line 1 of the passfile" in clue(tmp_path, dsn, PGPASSFILE=str(tmp_path / "passfile"))


def test_a_service_file_is_told_to_be_missing_or_without_the_section(tmp_path: Path) -> None:
    assert "is not there" in clue(tmp_path, "service=shop")
    write(tmp_path / "services", f"[other]\nhost=db\npassword={SECRET}\n")
    said = clue(tmp_path, "service=shop", PGSERVICEFILE=str(tmp_path / "services"))
    assert "has no section [shop]; it has other" in said
    assert SECRET not in said
    write(tmp_path / ".pg_service.conf", "[shop]\nhost=db\n")
    assert "has the section [shop]" in clue(tmp_path, "service=shop")


def test_nothing_is_looked_up_where_the_secret_is_in_the_environment(tmp_path: Path) -> None:
    assert clues(Reference.parse("env:SHOP"), {}, tmp_path) == []
    assert clues(Reference.parse("postgresql://watch:${PW}@db/shop"), {}, tmp_path) == []


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ('connection to server at "127.0.0.1", port 1 failed: Connection refused', "refused"),
        ("failed to resolve host 'nope': [Errno -2] Name or service not known", "host_unknown"),
        ('connection to server on socket "/x/.s.PGSQL.1" failed: No such file or directory', "no_socket"),
        ('connection is bad: definition of service "nope" not found', "service_unknown"),
        ("connection timeout expired", "silent"),
        ('FATAL: no pg_hba.conf entry for host "10.0.0.5", user "w", database "d", no encryption', "no_hba_entry"),
        ('FATAL: pg_hba.conf rejects connection for host "10.0.0.5"', "hba_rejects"),
        ("fe_sendauth: no password supplied", "no_password_found"),
        ('FATAL: password authentication failed for user "w"', "wrong_password"),
        ('FATAL: Peer authentication failed for user "w"', "peer"),
        ('FATAL: role "w" does not exist', "role_unknown"),
        ('FATAL: role "w" is not permitted to log in', "no_login"),
        ('FATAL: database "d" does not exist', "database_unknown"),
        ('FATAL: permission denied for database "d"', "no_connect_privilege"),
        ('root certificate file "/root/.postgresql/root.crt" does not exist', "certificate_unknown"),
        ("SSL error: certificate verify failed", "certificate_unknown"),
        ('server certificate for "a" does not match host name "b"', "certificate_host"),
        ("server does not support SSL, but SSL was required", "no_tls"),
        ("FATAL: sorry, too many clients already", "full"),
        ("FATAL: the database system is starting up", "starting"),
        ("server closed the connection unexpectedly", "broke_off"),
        ("FATAL: unsupported startup parameter: extra_float_digits", "pooler"),
    ],
)
def test_the_likely_cause_of_a_message(message: str, name: str) -> None:
    cause = cause_of(message)
    assert cause is not None
    assert cause.name == name


def test_every_cause_is_a_row_of_its_own() -> None:
    assert len({cause.name for cause in CAUSES}) == len(CAUSES)
    for cause in CAUSES:
        assert not re.search(cause.pattern, "nothing of the kind")
        assert cause.cause
        assert cause.remedy
