"""A workload's file: names, calls, lines; what is broken costs its own statement alone."""

from __future__ import annotations

import pytest

from trimtab.advise.workload.statements import TEXT_BYTES_MAX, read_statements
from trimtab.model.errors import InputError

AWKWARD = """-- name: first
-- calls: 5
select 1; -- behind it
/* a comment; /* nested; */ */ -- name: not a name;
select ';', $$ ; $$, $a$ $$ ; $a$, e'\\';', ";" from t;

;
bogus (;
-- calls: 3
update t set a = 1;
-- name: open quote
select 'never ends from t;
-- name: after it
select 2;
-- calls: none
select 3;
-- name: first
select 4 /* never ends ;
"""


def test_statements_with_awkward_texts() -> None:
    found, left = read_statements(AWKWARD)
    assert [(one.name, one.calls, one.line) for one in found] == [
        ("first", 5, 3),
        ("line 5", 1, 5),
        ("line 8", 1, 8),
        ("line 10", 3, 10),
        ("after it", 1, 14),
    ]
    assert found[1].text.endswith('";" from t')
    assert [(one.name, one.line, one.reason) for one in left] == [
        ("open quote", 12, "a quote that begins on line 12 never ends"),
        ("line 16", 16, "calls is 'none' on line 15, a number above 0 was wanted"),
        ("first (line 18)", 18, "a comment that begins on line 18 never ends"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no statement"),
        (" -- nothing\n/* at all */;;", "no statement"),
        ("select 1;\nselect '\0'", "line 2 of the workload holds a NUL"),
        ("x" * (TEXT_BYTES_MAX + 1), "the limit is"),
        ("select 1;" * 20_001, "more than 20000 statements"),
    ],
    ids=["empty", "comments", "nul", "large", "many"],
)
def test_what_is_no_workload_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_statements(text)


def test_a_large_broken_text_is_read_in_time() -> None:
    found, left = read_statements("select 'a''' || \"b\"\"\" -- c\n" * 30_000 + ";" + "select '" * 2001 + ";\nselect 1")
    assert len(found) + len(left) == 3


@pytest.mark.parametrize("quote", ["'", '"', "E'"])
def test_a_quote_that_a_later_one_closes_takes_no_statement_with_it(quote: str) -> None:
    text = f"""-- name: before
select 1;
-- name: open
select 2,
  {quote}never ends from t;
-- name: after
select {quote}x{quote[-1]} from t;
-- name: last
select {quote}a{quote[-1]}, {quote}b; c{quote[-1]};
"""
    found, left = read_statements(text)
    assert [one.name for one in found] == ["before", "after", "last"]
    assert [(one.name, one.reason) for one in left] == [
        ("open", "a quote that begins on line 5 does not end in its statement")
    ]


def test_where_nothing_is_said_between_statements_the_quote_that_goes_over_an_end_is_the_one() -> None:
    found, left = read_statements("select 1;\nselect 'oops from t;\nselect 'x' from t;\nselect 'y', 'z';\nselect 4;")
    assert [one.text for one in found] == ["select 1", "select 'x' from t", "select 'y', 'z'", "select 4"]
    assert [(one.name, one.reason) for one in left] == [
        ("line 2", "a quote that begins on line 2 does not end in its statement")
    ]


def test_a_text_of_several_lines_is_one_text() -> None:
    text = (
        "select 'one;\n two; -- three\n\n-- four' from t;\nselect 'a; -- b', 'c' from t;\nselect $$;\n-- name: x\n$$;"
    )
    found, left = read_statements(text)
    assert [one.line for one in found] == [1, 5, 6]
    assert left == []


def test_many_quotes_without_an_end_are_read_in_time() -> None:
    found, left = read_statements("x 'a;\n' \"b' 'c\n" * 15_001)
    assert (len(found), len(left)) == (15_000, 2)
