"""Addresses of stores: what they may say, and that a password is in nothing that is shown."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from trimtab.model.errors import ConfigError
from trimtab.store.clickhouse.address import parse

ENVIRONMENT = {"PASSWORD": "geheim", "USER_NAME": "ann"}


def test_everything_that_may_be_said() -> None:
    found = parse(
        "https://${USER_NAME}:${PASSWORD}@one,[::1]:9000,two:80/obs?ca_file=/ca.pem&connect_timeout_s=2&timeout_s=60"
        "&connections=4",
        ENVIRONMENT,
    )
    assert found.hosts == ("one:8443", "[::1]:9000", "two:80")
    assert (found.user, found.password, found.database) == ("ann", "geheim", "obs")
    assert (found.is_secure, found.ca_file, found.connect_timeout_s, found.timeout_s) == (True, "/ca.pem", 2, 60)
    assert found.url_of("one:8443") == "https://one:8443/"
    assert parse("clickhouse://h/d?secure=true", {}).hosts == ("h:8443",)
    assert parse("clickhouse://h", {}).database == "default"
    assert parse("clickhouse://h/d?cluster=main&insert_quorum=2", {}).cluster == "main"


def test_the_password_is_in_nothing_that_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("geheim\n")
    for text in ("clickhouse://ann:${PASSWORD}@h/d", f"clickhouse://ann@h/d?password_file={file}"):
        found = parse(text, ENVIRONMENT)
        assert found.password == "geheim"
        assert "geheim" not in f"{found!r} {found} {found.shown}"
        assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("localhost:8123", "begins with clickhouse://"),
        ("postgres://h/d", "begins with clickhouse://"),
        ("clickhouse://ann:plain@h/d", "in plain text"),
        ("clickhouse://ann:${PASSWORD}plain@h/d", "in plain text"),
        ("clickhouse://ann:${NOWHERE}@h/d", "no environment variable NOWHERE"),
        ("clickhouse://h/d?password_file=/nowhere/at/all", "No such file"),
        ("clickhouse://a:${PASSWORD}@h/d?password_file=/x", "give one of them"),
        ("clickhouse:///d", "no HOST or HOST:PORT"),
        ("clickhouse://h:0/d", "no HOST or HOST:PORT"),
        ("clickhouse://h:99999/d", "no HOST or HOST:PORT"),
        ("clickhouse://h,h:8123/d", "named twice"),
        ("clickhouse://h/d-e", "letters, digits and _"),
        ("clickhouse://h/d/e", "letters, digits and _"),
        ("clickhouse://h/d?cluster=a'b", "no name of a cluster"),
        ("clickhouse://h,i/d?cluster=main", "give one host"),
        ("clickhouse://h/d?secure=maybe", "true or false"),
        ("clickhouse://h/d?timeout_s=0", "from 1 to 3600"),
        ("clickhouse://h/d?compress=1", "no option compress"),
        ("clickhouse://h/d?timeout_s=1&timeout_s=2", "given twice"),
        ("clickhouse://h/d#x", "write %23"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("(", "\\(")) as caught:
        parse(text, ENVIRONMENT)
    told = f"{caught.value} {caught.value.facts}"
    assert "geheim" not in told
    assert "plain@" not in told
    assert caught.value.__cause__ is None
