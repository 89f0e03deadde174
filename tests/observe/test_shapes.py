"""The book of shapes: what it takes in, what it leaves out, and that it is bounded."""

from __future__ import annotations

import pytest

from trimtab.observe.postgres import shapes
from trimtab.observe.postgres.samples import SampleKeeper
from trimtab.observe.postgres.shapes import ShapeBook


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("SELECT * FROM t WHERE a = $1", True),
        ("/* web:cart */ -- x\n (SELECT 1) UNION SELECT 2", True),
        ("WITH x AS (SELECT 1) SELECT * FROM x", True),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", True),
        ("SELECT something only a newer server reads FROM WHERE", True),
        ("SELECT /* trimtab */ 1", False),
        ("CREATE TABLE t AS SELECT 1", False),
        ("EXPLAIN SELECT 1", False),
        ("FETCH $1 FROM c", False),
        ("SELECT 1 INTO x; DROP TABLE x", False),
    ],
)
def test_what_is_a_statement(text: str, is_kept: bool) -> None:
    book = ShapeBook("shop")
    book.learn(-5, text)
    known = book.known(-5)
    assert known is not None
    assert (known.fingerprint is not None) is is_kept
    assert len(book.shapes()) == is_kept


def test_a_text_that_is_lost_or_unread_is_named_by_its_id() -> None:
    book = ShapeBook("shop")
    book.learn(7, None)
    book.learn(8, "SELECT FROM WHERE x")
    assert [(s.fingerprint, s.text) for s in book.shapes()] == [("q7", ""), ("q8", "SELECT FROM WHERE x")]


def test_shapes_are_told_first_and_then_once_a_day() -> None:
    book = ShapeBook("shop")
    book.learn(1, "SELECT 1")
    [shape] = book.shapes()
    day_ms = 24 * 3600 * 1000
    told = [book.ran(shape.fingerprint, at_ms) is not None for at_ms in (0, 5000, day_ms - 1, day_ms, day_ms + 1)]
    assert told == [True, False, False, True, False]
    assert book.ran("unknown", 0) is None


def test_the_book_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "QUERY_IDS_MAX", 20)
    monkeypatch.setattr(shapes, "SHAPES_MAX", 10)
    book = ShapeBook("shop")
    for i in range(50):
        book.learn(i, f"SELECT c{i} FROM t")
        book.ran(book.shapes()[0].fingerprint, 0)
    assert len(book.shapes()) == 10
    assert sum(book.known(i) is not None for i in range(50)) == 20


@pytest.mark.slow
def test_ten_thousand_shapes_are_known_and_their_characters_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    book = ShapeBook("shop")
    versions = set()
    for i in range(10_000):
        book.learn(i, f"SELECT c{i} FROM t{i}")
        versions.add(book.version)
    assert len(book.shapes()) == 10_000
    assert len(versions) == 10_000
    before = book.version
    book.learn(10_000, "SELECT c7 FROM t7")
    assert book.version == before, "another id of a known shape brings no new shape"
    monkeypatch.setattr(shapes, "TEXT_CHARS_MAX", 1_000)
    book.learn(10_001, "SELECT one FROM more")
    assert book.version != before
    assert sum(len(shape.text) for shape in book.shapes()) <= 1_000


def test_samples_are_bounded_by_shapes_and_by_characters() -> None:
    keeper = SampleKeeper(per_shape_max=3, shapes_max=2, chars_max=50)
    for shape in "abc":
        for i in range(5):
            keeper.add(shape, f"SELECT {i}")
    assert keeper.samples("a") == ()
    assert keeper.samples("c") == ("SELECT 4", "SELECT 3", "SELECT 2")
    keeper.add("d", "x" * 51)
    assert keeper.samples("d") == ()
    keeper.add("e", "x" * 49)
    assert keeper.samples("e")
    assert keeper.samples("b") == keeper.samples("c") == ()
