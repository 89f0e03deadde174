"""What the address of the logs page asks for: the search, chosen services and levels, how it is shown.

Everything is in the address, so that a link shows somebody else the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams

from trimtab.app.reading.ranges import Range
from trimtab.model.errors import InputError
from trimtab.store.logs.answers import LEVELS, LogQuery, Order
from trimtab.store.logs.language import Any, LogQueryError, parse

TABS = ("lines", "patterns", "fields")
ORDERS: tuple[Order, ...] = ("newest", "oldest")
SERVICES_MAX = 20
SERVICE_CHARS_MAX = 200
ID_CHARS_MAX = 64
CURSOR_CHARS_MAX = 1000
"""Other stores have longer ones than the own."""
SOURCE_CHARS_MAX = 40
KEPT = ("from", "to", "tz")
ROWS = 100

_BARE = re.compile(r"[A-Za-z0-9_.@][A-Za-z0-9_.@-]*")
_BARE_NAME = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9_.@-]*")


@dataclass(frozen=True, slots=True)
class Wish:
    """The address, read. Of `services` and `levels` one must fit; none chosen: all. `source` is the store that is
    asked: '' the own one, `all` every one. Other stores are only asked for lines."""

    text: str = ""
    services: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    tab: str = "lines"
    order: Order = "newest"
    is_wrapped: bool = False
    is_tail: bool = False
    source: str = ""
    kept: tuple[tuple[str, str], ...] = ()

    @property
    def search_pairs(self) -> list[tuple[str, str]]:
        """The parameters that say which lines, whatever the time."""
        text = [("q", self.text)] if self.text.strip() else []
        chosen = [("service", name) for name in self.services] + [("level", name) for name in self.levels]
        return text + chosen

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """All parameters; what is as usual is left out."""
        shown = [("tab", self.tab)] if self.tab != "lines" else []
        shown += [("order", self.order)] if self.order != "newest" else []
        shown += [("wrap", "1")] if self.is_wrapped else []
        shown += [("tail", "1")] if self.is_tail else []
        shown += [("source", self.source)] if self.source else []
        return [*self.search_pairs, *shown, *self.kept]

    def address(self, path: str = "/logs", **more: str) -> str:
        """Where this is shown.

        >>> Wish('a "b"', ("shop",), ("error",), order="oldest").address()
        '/logs?q=a%20%22b%22&service=shop&level=error&order=oldest'
        >>> Wish().address()
        '/logs'
        """
        pairs = [*self.pairs, *more.items()]
        return f"{path}?{urlencode(pairs, quote_via=quote)}" if pairs else path

    def but(self, **other: object) -> Wish:
        """The same with something else."""
        return replace(self, **other)  # type: ignore[arg-type]

    def toggled(self, kind: str, value: str) -> Wish:
        """With a service or a level chosen, or not any more."""
        chosen: tuple[str, ...] = getattr(self, kind)
        changed = tuple(one for one in chosen if one != value) if value in chosen else (*chosen, value)
        return self.but(**{kind: changed})

    def narrowed(self, term: str) -> Wish:
        """With one more term, which must be true too; lines that fit are shown.

        >>> Wish("a OR b", tab="patterns").narrowed("-x:1").address()
        '/logs?q=%28a%20OR%20b%29%20-x%3A1'
        """
        return self.but(text=with_term(self.text, term), tab="lines")

    def query(self, within: Range, *, without: str = "", cursor: str | None = None, limit: int = ROWS) -> LogQuery:
        """The question to the store; `without` "services" or "levels": as if none of them were chosen.

        LogQueryError where the text is not of the language, with the column in it.
        """
        parse(self.text)
        parts = [
            _one_of("service", () if without == "services" else self.services),
            _one_of("level", () if without == "levels" else self.levels),
        ]
        chosen = " ".join(filter(None, parts))
        text = f"({self.text}) {chosen}" if self.text.strip() and chosen else self.text + chosen
        return LogQuery(within.from_ms, within.to_ms, text, limit=limit, order=self.order, cursor=cursor)


def _one_of(field: str, values: Sequence[str]) -> str:
    terms = [f"{field}:{quoted(value)}" for value in values]
    return f"({' OR '.join(terms)})" if len(terms) > 1 else "".join(terms)


def with_term(text: str, term: str) -> str:
    """A text and one more term.

    >>> with_term("", "a"), with_term("a  ", "b"), with_term("a OR b", "c"), with_term("a (", "b")
    ('a', 'a b', '(a OR b) c', 'a ( b')
    """
    text = text.strip()
    if not text:
        return term
    try:
        is_choice = isinstance(parse(text), Any)
    except LogQueryError:
        is_choice = False
    return f"({text}) {term}" if is_choice else f"{text} {term}"


def quoted(text: str) -> str:
    """A value as the language has it.

    >>> quoted("checkout-2"), quoted('a "b"'), quoted("")
    ('checkout-2', '"a \\\\"b\\\\""', '""')
    """
    return text if _BARE.fullmatch(text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def field_term(name: str, value: str) -> str:
    """A term for a field that has a value.

    >>> field_term("http.route", "/cart"), field_term("my field", "1")
    ('http.route:"/cart"', '"my field":1')
    """
    return f"{name if _BARE_NAME.fullmatch(name) else quoted_always(name)}:{quoted(value)}"


def quoted_always(text: str) -> str:
    """In quotes, whatever it is."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def wish_of(parameters: QueryParams) -> Wish:
    """Read an address; InputError names what cannot be.

    >>> wish_of(QueryParams("q=x&level=error&level=warn&tab=fields&from=now-6h")).address()
    '/logs?q=x&level=error&level=warn&tab=fields&from=now-6h'
    """
    services = tuple(dict.fromkeys(one for one in parameters.getlist("service") if one))
    if len(services) > SERVICES_MAX or any(len(one) > SERVICE_CHARS_MAX for one in services):
        raise InputError(
            f"service: at most {SERVICES_MAX} names of {SERVICE_CHARS_MAX} characters",
            field="service",
            limit=SERVICES_MAX,
        )
    levels = tuple(dict.fromkeys(_allowed("level", one, LEVELS) for one in parameters.getlist("level") if one))
    order = _allowed("order", parameters.get("order") or "newest", ORDERS)
    source = parameters.get("source", "")
    if len(source) > SOURCE_CHARS_MAX:
        raise InputError(f"source: at most {SOURCE_CHARS_MAX} characters", field="source", limit=SOURCE_CHARS_MAX)
    tab = "lines" if source else _allowed("tab", parameters.get("tab") or "lines", TABS)
    text = parameters.get("q", "").replace("\r\n", "\n")
    for name in ("trace_id", "span_id"):  # as links from traces have it; in the search it can be seen and changed
        told = parameters.get(name, "").strip()
        if told:
            text = with_term(text, field_term(name, told[:ID_CHARS_MAX]))
    return Wish(
        text=text,
        services=services,
        levels=levels,
        tab=tab,
        order="oldest" if order == "oldest" else "newest",
        is_wrapped=parameters.get("wrap") == "1",
        is_tail=parameters.get("tail") == "1" and tab == "lines" and not source,
        source=source,
        kept=tuple((name, value) for name in KEPT if (value := parameters.get(name))),
    )


def cursor_of(parameters: QueryParams) -> str | None:
    """Behind which record the list goes on."""
    return parameters.get("cursor", "")[: CURSOR_CHARS_MAX + 1] or None


def _allowed(name: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise InputError(f"{name}: one of {', '.join(allowed)}, found {value[:30]!r}", field=name, observed=value[:30])
    return value
