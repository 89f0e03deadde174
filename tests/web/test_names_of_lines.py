"""Lines of a chart have names that people read, and stand by how high they are where that is wished."""

from __future__ import annotations

import msgspec

from trimtab.app.exploring.lines import QueryLine, QueryLines
from trimtab.app.reading.answers import SeriesAnswer
from trimtab.web.series import encode

LINES = QueryLines(
    [
        QueryLine('{groupname="bash"}', "", [0.1, None, 0.1], {"groupname": "bash"}),
        QueryLine('{groupname="never"}', "", [None, None, None], {"groupname": "never"}),
        QueryLine('{groupname="{x}/y"}', "", [0.2, 1.9, 2.0], {"groupname": "{x}/y"}),
    ]
)


def names(key: str) -> list[str]:
    told = msgspec.json.decode(encode(SeriesAnswer(0, 3000, 1000, (), ()), [(key, LINES)]))
    return [line["name"] for line in told["series"]]


def test_a_name_is_made_of_labels() -> None:
    assert names("named/program {groupname}/up") == ["program bash", "program never", "program {x}/y"]
    assert names("promql/up")[0] == '{groupname="bash"}'


def test_the_busiest_stands_first() -> None:
    assert names("ranked/{groupname}/up / 2") == ["{x}/y", "bash", "never"]
