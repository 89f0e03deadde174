"""Whether the text of a plan ends in the middle of a line: what is told of a step that was cut off would be wrong.

A text that ends behind a whole line cannot be known to be cut: which lines belong to a plan depends on how it was made.
"""

from __future__ import annotations

import re

_LITERAL = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_ENDS_OPEN = re.compile(r"(?:[=:,]|\.\.| AND| OR|->)\Z")
_SORT = re.compile(r"(?:[\w-]+ )*[\w-]+  (?:Memory|Disk): \d+kB(?:  .*)?\Z|still in progress\Z")
_SIZE = re.compile(r"(?:Memory|Memory Usage|Disk|Disk Usage|Storage|Maximum Storage): \d+k?\Z")
_TIMES = ("Planning Time:", "Execution Time:", "Total runtime:")


def is_cut_off(line: str, before: str = "") -> bool:
    """Whether the last line of a plan is not whole. `before`: lines of a value that goes on in it.

    >>> [is_cut_off(line) for line in ("  Sort Method: external merg", "Filter: ((a = 5) AND", "Planning Time: 0.4")]
    [True, True, True]
    >>> [is_cut_off(line) for line in ("  Sort Method: quicksort  Memory: 25kB", "Filter: (a = ')'::text)", "Result")]
    [False, False, False]
    """
    words = line.strip()
    rest = _LITERAL.sub("", f"{before}\n{words}" if before else words)
    if rest.count("(") != rest.count(")") or "'" in rest or '"' in rest or _ENDS_OPEN.search(words):
        return True
    if words.startswith("Sort Method: "):
        return _SORT.match(words.removeprefix("Sort Method: ")) is None
    return _SIZE.search(words) is not None or (words.startswith(_TIMES) and not words.endswith(" ms"))
