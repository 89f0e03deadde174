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
