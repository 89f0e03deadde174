"""What the address of the Explorer page asks for: its queries with unit and hidden or not, and how they are shown.

Everything is in the address, so that a link shows somebody else the same. Buttons of the form send `do` beside it:
what the visitor wants changed; the answer's address then has the change in it and no `do`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams

from trimtab.model.errors import InputError
from trimtab.web.units import UNITS

QUERIES_MAX = 8
LETTERS = "abcdefgh"
VIEWS = ("both", "graph", "table")
SORTS = ("", "name", "value")
KEPT = ("from", "to", "tz")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One query; an empty text is a box that waits for one."""

    text: str
    unit: str = "auto"
    is_off: bool = False

    @property
    def is_asked(self) -> bool:
        """Whether there is something to answer."""
        return bool(self.text.strip()) and not self.is_off


@dataclass(frozen=True, slots=True)
class Wish:
    """The address, read."""

    queries: tuple[Wanted, ...]
    view: str = "both"
    sort: str = ""
    descending: bool = False
    kept: tuple[tuple[str, str], ...] = ()

    @property
    def has_room(self) -> bool:
        """Whether there may be another query."""
        return len(self.queries) < QUERIES_MAX

    def address(self) -> str:
        """Where this is shown; what is as usual is left out.

        >>> Wish((Wanted("up"), Wanted("a / b", "s", True)), "graph").address()
        '/explore?q=up&q=a%20%2F%20b&unit=auto&unit=s&off=b&view=graph'
        >>> Wish((Wanted(""),)).address()
        '/explore'
        """
        pairs: list[tuple[str, str]] = []
        if any(one.text or one.unit != "auto" for one in self.queries) or len(self.queries) > 1:
            pairs += [("q", one.text) for one in self.queries]
        if any(one.unit != "auto" for one in self.queries):
            pairs += [("unit", one.unit) for one in self.queries]
        pairs += [("off", letter) for letter, one in zip(LETTERS, self.queries, strict=False) if one.is_off]
        if self.view != "both":
            pairs.append(("view", self.view))
        if self.sort:
            pairs += [("sort", self.sort), ("desc", "1" if self.descending else "0")]
        pairs += self.kept
        return f"/explore?{urlencode(pairs, quote_via=quote)}" if pairs else "/explore"

    def sorted_by(self, key: str) -> Wish:
        """The same, sorted by a column; the other way round where it is already."""
        descending = not self.descending if self.sort == key else key == "value"
        return replace(self, sort=key, descending=descending)

    def after(self, do: str) -> Wish:
        """The wish after a button was pressed: add, remove-a, hide-a, show-a, view-graph."""
        verb, _, what = do.partition("-")
        if verb == "add" and self.has_room:
            return replace(self, queries=(*self.queries, Wanted("")))
        if verb == "view" and what in VIEWS:
            return replace(self, view=what)
        place = LETTERS.find(what) if len(what) == 1 else -1
        if not 0 <= place < len(self.queries):
            raise InputError(f"do: {do[:30]!r} is nothing that can be done here", field="do")
        before, one, behind = self.queries[:place], self.queries[place], self.queries[place + 1 :]
        match verb:
            case "remove":
                return replace(self, queries=(*before, *behind) or (Wanted(""),))
            case "hide" | "show":
                return replace(self, queries=(*before, replace(one, is_off=verb == "hide"), *behind))
            case _:
                raise InputError(f"do: {do[:30]!r} is nothing that can be done here", field="do")


def wish_of(parameters: QueryParams) -> Wish:
    """Read an address; InputError names what cannot be.

    >>> wish_of(QueryParams("q=up&q=down&unit=auto&unit=s&off=b&view=table&sort=value&desc=1")).queries
    (Wanted(text='up', unit='auto', is_off=False), Wanted(text='down', unit='s', is_off=True))
    """
    texts = [text.replace("\r\n", "\n") for text in parameters.getlist("q")] or [""]
    if len(texts) > QUERIES_MAX:
        raise InputError(f"q: at most {QUERIES_MAX} queries, found {len(texts)}", field="q", limit=QUERIES_MAX)
    units = parameters.getlist("unit")[: len(texts)]
    for unit in units:
        _one_of("unit", unit, tuple(UNITS))
    units += ["auto"] * (len(texts) - len(units))
    off = set(parameters.getlist("off"))
    return Wish(
        tuple(Wanted(text, unit, letter in off) for letter, text, unit in zip(LETTERS, texts, units, strict=False)),
        _one_of("view", parameters.get("view") or "both", VIEWS),
        _one_of("sort", parameters.get("sort", ""), SORTS),
        parameters.get("desc") == "1",
        tuple((name, value) for name in KEPT if (value := parameters.get(name))),
    )


def _one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise InputError(
            f"{name}: one of {', '.join(filter(None, allowed))}, found {value[:30]!r}", field=name, observed=value[:30]
        )
    return value
