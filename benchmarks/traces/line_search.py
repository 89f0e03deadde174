"""What is asked of log lines: by word, by attribute, and what pages ask besides."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.traces.cold import Question
from benchmarks.traces.lines import CUSTOMERS
from trimtab.store.effort import PAGE_MS
from trimtab.store.logs.answers import LogQuery
from trimtab.store.logs.reads import LogReads


def line_questions(reads: LogReads, from_ms: int, to_ms: int, ids: Sequence[str]) -> Iterator[Question]:
    """By name; `ids` are of some traces that have lines."""
    whole = LogQuery(from_ms, to_ms, effort_ms=PAGE_MS)

    def search(name: str, text: str, *, is_judged: bool = True, **more: object) -> Question:
        query = replace(whole, text=text, **more)  # type: ignore[arg-type]
        return Question(name, lambda _draw: reads.search(query), is_judged, from_ms, to_ms)

    def customer(draw: random.Random) -> str:
        return f"{int(draw.random() ** 2 * CUSTOMERS):08d}"

    yield search("newest lines", "")
    yield search("word: in every tenth line", "reserved")
    yield search("word: 1 in 400", "declined")
    yield search("word: 1 in 5,000", "memory")
    yield Question("word: one customer", lambda draw: reads.search(replace(whole, text=customer(draw))))
    yield search("word: nowhere", "zeppelin")
    yield search("two words", "deadlock ShareLock")
    yield search("phrase", '"statement timeout"')
    yield search("word, oldest first", "declined", order="oldest")
    yield search("word without another", "payment -authorised")
    yield search("part of a word", "*locked*")
    yield search("regular expression", r"/took (9\d|1\d\d)\d ms/")
    yield search("regular expression without a word", r"/\d{3}ms$/")
    to_the_end = replace(whole, text=r"/took (9\d|1\d\d)\d ms/", effort_ms=None)
    yield Question("regular expression, to the end", lambda _draw: reads.search(to_the_end), False)
    yield search("attribute: frequent", "http.route:/orders")
    yield search("attribute: 1 in 400", "http.response.status_code:500")
    yield Question(
        "attribute: one customer",
        lambda draw: reads.search(replace(whole, attributes={"enduser.id": f"user-{customer(draw)}"})),
    )
    yield search("attribute: nowhere", "order.id:ord-none")
    yield search("attribute greater than a number", "http.response.status_code>=500")
    yield search("attribute of the resource", "host.name:node-3.shop.example")
    yield search("attribute and word", "http.response.status_code:409 orders")
    yield search("level and service", "level>=error service:payments")
    yield Question("lines of a trace", lambda draw: reads.search(replace(whole, trace_id=draw.choice(ids), limit=1000)))
    yield Question("histogram of all", lambda _draw: reads.histogram(whole))
    yield Question("histogram of a word", lambda _draw: reads.histogram(replace(whole, text="declined")))
    numbers = replace(whole, text='"customer 1"')
    yield Question("histogram of part of a line", lambda _draw: reads.histogram(numbers), True, from_ms, to_ms)
    yield Question("levels and services", lambda _draw: reads.attribute_values(whole, "service"), False)
    yield Question(
        "patterns of an hour", lambda _draw: reads.patterns(replace(whole, from_ms=to_ms - 3_600_000)), False
    )
    yield Question("patterns of all", lambda _draw: reads.patterns(whole), False)
    yield Question("fields", lambda _draw: reads.fields(whole), False)
    yield Question("names of attributes", lambda _draw: reads.attribute_keys(whole), False)
    yield Question("values of an attribute", lambda _draw: reads.attribute_values(whole, "http.route"), False)
