"""Property: whatever the secret is and wherever it stands, no text that trimtab makes has it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sql.test_connect import assert_hidden
from trimtab.model.errors import DsnError, ServerUnreachable
from trimtab.sql.connect import Reference

pytestmark = pytest.mark.slow

# Not a part of any message or source line by chance: it starts with a rare pair of letters.
secrets = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20).map(
    lambda s: "qZ7" + s
)


def in_pairs(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


PLACES: dict[str, Callable[[str], str]] = {
    "url": lambda s: f"postgresql://w:{s}@h/d",
    "url encoded": lambda s: f"postgresql://w:{quote(s, safe='')}@h/d",
    "url all encoded": lambda s: "postgresql://w:" + "".join(f"%{b:02x}" for b in s.encode()) + "@h/d",
    "query": lambda s: f"postgresql://h/d?password={quote(s, safe='')}",
    "query raw": lambda s: f"postgresql://h/d?password={s}",
    "query key encoded": lambda s: f"postgresql://h/d?%70assword={quote(s)}",
    "sslpassword": lambda s: f"postgresql://h/d?sslpassword={quote(s, safe='')}",
    "pairs": lambda s: f"host=h password={in_pairs(s)} dbname=d",
    "pairs raw": lambda s: f"host=h password={s} dbname=d",
    "overwritten": lambda s: f"password={in_pairs(s)} password=${{PW}}",
    "user and password": lambda s: f"postgresql://{quote('w:' + s, safe='')}@h/d",
    "alone": lambda s: s,
    "env": lambda s: f"env:{s} x",
}


@pytest.mark.parametrize("place", PLACES)
@settings(deadline=None)  # other processes share the machine
@given(secret=secrets)
def test_a_literal_secret_is_refused_and_hidden(place: str, secret: str) -> None:
    with pytest.raises(DsnError) as caught:
        Reference.parse(PLACES[place](secret))
    assert_hidden(caught.value, secret)
    assert "qZ7" not in str(caught.value)


@settings(deadline=None)  # other processes share the machine
@given(secret=secrets)
def test_a_secret_from_the_environment_is_hidden_when_the_connection_fails(secret: str) -> None:
    reference = Reference.parse("host=/nonexistent user=w dbname=d password=${PW}")
    with pytest.raises(ServerUnreachable) as caught:
        reference.connect(environment={"PW": secret})
    assert_hidden(caught.value, secret)
    for text in (repr(reference), str(reference), reference.stored, reference.display):
        assert secret not in text


@settings(deadline=None)  # other processes share the machine
@given(secret=secrets)
def test_a_whole_connection_string_from_the_environment_is_hidden(secret: str) -> None:
    reference = Reference.parse("env:SHOP_DSN")
    with pytest.raises((ServerUnreachable, DsnError)) as caught:
        reference.connect(environment={"SHOP_DSN": f"postgresql://w:{secret}@%2Fnonexistent/d"})
    assert_hidden(caught.value, secret)
