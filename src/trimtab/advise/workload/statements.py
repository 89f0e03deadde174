"""A workload as a file: statements ended by `;`, each with `-- name: …` and `-- calls: N` lines before it.

Broken statements are told with their line and the rest goes on. A quote that does not end in its statement is told with
the line where it begins, also where a quote of a later statement closes it: that is seen by the `-- name:` or
`-- calls:` that it goes over, and, where there are none, by a quote that is left over at the end. Two such statements
one after the other, with no name between them, are read as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trimtab.model.errors import InputError, PermissionMissing, StatementRefused, TrimtabError

TEXT_BYTES_MAX = 64 * 1024 * 1024
STATEMENTS_MAX = 20_000
REASONS_SHOWN_MAX = 8
SUSPECTS_MAX = 100
"""So many quotes are found out to be what another one closed; of more broken ones a whole rest is told as one."""

ALIKE_MAX = 4
"""More statements that are left for the same reason stand in one line."""

_TOKEN = re.compile(
    r"""--[^\n]*
    | /\*
    | (?<![\w$])[eE]'[^'\\]*(?:(?:''|\\.)[^'\\]*)*'
    | '[^']*(?:''[^']*)*'
    | "[^"]*(?:""[^"]*)*"
    | (?<![\w$])\$(?:[A-Za-z_\u0080-\uffff][\w]*)?\$
    | ['"]
    | ;""",
    re.VERBOSE | re.DOTALL,
)
_END_OF_LINE = re.compile(r";[ \t]*(?:--[^\n]*)?(?=\n|\Z)")
_NEXT_SAID = re.compile(r";[ \t]*(?:--[^\n]*)?\n\s*--[ \t]*(?:name|calls)[ \t]*:", re.IGNORECASE)
"""The end of a statement with what is said before the next one: within a quote, this one was never ended."""

_GOES_ON = "does not end in its statement"
_SAID = re.compile(r"^[ \t]*--[ \t]*(name|calls)[ \t]*:[ \t]*(.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_NOTHING = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z))*")
_COMMENT_MARK = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class WorkloadStatement:
    """One statement; `calls` weighs it (1 where nothing is said), `line` is where its text begins, from 1."""

    name: str
    text: str
    calls: float
    line: int


@dataclass(frozen=True, slots=True)
class Left:
    """A statement that gets no advice, and why. Nothing of its text is told but its name."""

    name: str
    line: int
    reason: str


def read_statements(text: str) -> tuple[list[WorkloadStatement], list[Left]]:
    """The statements of a workload, and what could not be read of it.

    Names that are missing are `line N`; a name that comes twice gets its line behind it. InputError where there is
    too much, or no statement at all.

    >>> found, left = read_statements("-- name: one order\\n-- calls: 20\\nSELECT ';' FROM orders;\\nSELECT 2")
    >>> [(s.name, s.calls, s.line, s.text) for s in found]
    [('one order', 20.0, 3, "SELECT ';' FROM orders"), ('line 4', 1.0, 4, 'SELECT 2')]
    """
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    if size_bytes > TEXT_BYTES_MAX:
        raise InputError(f"the workload has {size_bytes} bytes, the limit is {TEXT_BYTES_MAX}", limit=TEXT_BYTES_MAX)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"line {line} of the workload holds a NUL: it is no text", line=line)
    found: list[WorkloadStatement] = []
    left: list[Left] = []
    names: set[str] = set()
    line, counted_to = 1, 0
    for start, end, problem in _parts(text):
        begin = _begin(text, start, end)
        body = text[begin:end].strip()
        if not body:
            continue
        line += text.count("\n", counted_to, begin)
        counted_to = begin
        said = {key.lower(): value for key, value in _SAID.findall(text[start:begin])}
        name = said.get("name") or f"line {line}"
        if name in names:
            name = f"{name} (line {line})"
        names.add(name)
        calls = _calls(said.get("calls", "1"))
        if problem:
            left.append(Left(name, line, problem))
        elif calls is None:
            at = _line_of_calls(text, start, begin)
            left.append(Left(name, line, f"calls is {said['calls'][:40]!r} on line {at}, a number above 0 was wanted"))
        elif len(found) >= STATEMENTS_MAX:
            raise InputError(
                f"line {line}: the workload has more than {STATEMENTS_MAX} statements", limit=STATEMENTS_MAX
            )
        else:
            found.append(WorkloadStatement(name, body, calls, line))
    if not found and not left:
        raise InputError("the workload holds no statement")
    return found, left


def nothing_priced(left: Sequence[Left], missing: PermissionMissing | None = None) -> TrimtabError:
    """The error where no statement is left to be priced, with the reasons; `missing` is the right that would help.

    `facts["left"]` holds all of them.

    >>> print(nothing_priced([Left("one", 3, "the statement is too long")]).message)
    no statement of the workload can be priced
      left out: one, line 3: the statement is too long
    """
    lines = ["no statement of the workload can be priced", *left_lines(left, REASONS_SHOWN_MAX)]
    if missing is None:
        return StatementRefused("\n".join(lines), left=tuple(left))
    helps = {name: missing.facts[name] for name in ("sql", "grants") if name in missing.facts}
    return PermissionMissing("\n".join(lines), left=tuple(left), **helps)


def left_lines(left: Sequence[Left], shown_max: int) -> list[str]:
    """A line for each statement that was left out, for people; of many the first ones, and those alike together.

    >>> left_lines([Left(f"q{n}", n, "no time") for n in range(1, 30)], 8)
    ['  left out: q1, q2, q3, q4 and 25 more: no time']
    """
    alike: dict[str, list[Left]] = {}
    for one in left:
        alike.setdefault(one.reason, []).append(one)
    lines = []
    for reason, same in alike.items():
        if len(same) > ALIKE_MAX:
            named = ", ".join(one.name for one in same[:ALIKE_MAX])
            lines.append(f"  left out: {named} and {len(same) - ALIKE_MAX:,} more: {reason}")
            continue
        for one in same:
            where = f", line {one.line}" if one.line and not one.name.startswith("line ") else ""
            lines.append(f"  left out: {one.name}{where}: {reason}")
    if len(lines) > shown_max:
        lines[shown_max:] = [f"  and {len(lines) - shown_max} more: --format json has them"]
    return lines


def _line_of_calls(text: str, start: int, end: int) -> int:
    """The line, from 1, on which calls are said last before a statement."""
    places = [found.start(1) for found in _SAID.finditer(text, start, end) if found[1].lower() == "calls"]
    return text.count("\n", 0, places[-1]) + 1


def _parts(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, what is wrong) of everything between semicolons."""
    start = place = suspects = 0
    suspect: re.Match[str] | None = None  # the first quote of this part that goes over the end of a statement
    while (token := _TOKEN.search(text, place)) is not None:
        opened, place = token.group(), token.end()
        what, how, begin = "a quote", "never ends", token
        end: re.Match[str] | None = None
        if opened == ";":
            yield start, token.start(), ""
            start, suspect = place, None
        elif opened == "/*":
            place, what = _after_comment(text, place), "a comment"
        elif opened in ("'", '"'):
            place = -1
            if suspect is not None and suspects < SUSPECTS_MAX:  # one quote too many: that one was not ended
                suspects += 1
                begin, how, end = suspect, _GOES_ON, _END_OF_LINE.search(text, suspect.start() + 1)
        elif opened[0] == "$":
            closed = text.find(opened, place)
            place, what = (closed + len(opened) if closed >= 0 else -1), f"a text in {opened}"
        elif opened[-1] in ("'", '"') and (over := _END_OF_LINE.search(text, token.start() + 1, place)) is not None:
            suspect = token if suspect is None and over.end() < place else suspect
            if (said := _NEXT_SAID.search(text, over.start(), place)) is not None:
                place, how, end = -1, _GOES_ON, _END_OF_LINE.search(text, said.start())
        if place < 0:
            end = end or _END_OF_LINE.search(text, token.end())
            at = text.count("\n", 0, begin.start()) + 1
            yield start, end.start() if end else len(text), f"{what} that begins on line {at} {how}"
            start = place = end.end() if end else len(text)
            suspect = None
    yield start, len(text), ""


def _begin(text: str, start: int, end: int) -> int:
    """Where a statement's own text begins: behind space and comments."""
    while True:
        skipped = _NOTHING.match(text, start, end)
        start = skipped.end() if skipped is not None else start
        if not text.startswith("/*", start, end) or not 0 < (after := _after_comment(text, start + 2)) <= end:
            return start
        start = after


def _after_comment(text: str, place: int) -> int:
    """Where a block comment ends whose `/*` lies before `place`; they nest. -1: it does not."""
    depth = 1
    for mark in _COMMENT_MARK.finditer(text, place):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return -1


def _calls(said: str) -> float | None:
    try:
        calls = float(said.replace("_", ""))
    except ValueError:
        return None
    return calls if 0 < calls < 1e15 else None
