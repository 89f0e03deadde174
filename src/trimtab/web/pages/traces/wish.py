"""What the address of `/traces` asks for, and the address of what is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast, get_args
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams

from trimtab.model.errors import InputError
from trimtab.store.traces.answers import SPAN_KINDS, SPAN_STATUSES, Order, TraceQuery
from trimtab.web.pages.traces.durations import duration_ms

KEPT = ("from", "to", "tz")
LIMITS = (50, 200, 1000)
ATTRIBUTES_MAX = 10
PAIR_CHARS_MAX = 2_200
NAME_CHARS_MAX = 1_000
FETCHED_MAX = 1000
PEERS = {
    "database": (("db.system", "db.system.name"), ("db.namespace", "db.name")),
    "messaging": (("messaging.system",), ("messaging.destination.name", "messaging.destination")),
    "external": (("peer.service", "server.address", "net.peer.name", "http.host"), ()),
}
"""Which attributes name what was called and sent no spans of its own; see `trimtab.store.traces.service_map`."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The address, read. Durations are as they were written; `beside` is a service that also has to be in the trace,
    `caller` the service of the span's parent; `peer` is what was called, `KIND:NAME` of a node of the map; `source` is
    the store that is asked: '' the own one, `all` every one."""

    service: str = ""
    operation: str = ""
    kind: str = ""
    status: str = ""
    attributes: tuple[str, ...] = ()
    at_least: str = ""
    at_most: str = ""
    fingerprint: str = ""
    beside: str = ""
    caller: str = ""
    peer: str = ""
    order: Order = "newest"
    limit: int = LIMITS[0]
    source: str = ""
    kept: tuple[tuple[str, str], ...] = ()

    def address(self, **changed: object) -> str:
        """Where this is shown, with some of it changed.

        >>> Wish(service="shop", attributes=("http.route=/a b",)).address(order="slowest")
        '/traces?service=shop&attribute=http.route%3D%2Fa%20b&order=slowest'
        """
        one = replace(self, **changed) if changed else self  # type: ignore[arg-type]
        return one.address_with()

    def address_with(self, **more: str) -> str:
        """The same with something beside it.

        >>> Wish(service="shop").address_with(fragment="results")
        '/traces?service=shop&fragment=results'
        """
        pairs = [
            ("service", self.service),
            ("operation", self.operation),
            ("kind", self.kind),
            ("status", self.status),
            *(("attribute", pair) for pair in self.attributes),
            ("min", self.at_least),
            ("max", self.at_most),
            ("fingerprint", self.fingerprint),
            ("beside", self.beside),
            ("caller", self.caller),
            ("peer", self.peer),
            ("order", self.order if self.order != "newest" else ""),
            ("limit", str(self.limit) if self.limit != LIMITS[0] else ""),
            ("source", self.source),
            *self.kept,
            *more.items(),
        ]
        told = [(name, value) for name, value in pairs if value]
        return f"/traces?{urlencode(told, quote_via=quote)}" if told else "/traces"

    @property
    def is_narrow(self) -> bool:
        """Whether something but a range is asked for."""
        return replace(self, order="newest", limit=LIMITS[0], source="", kept=()) != Wish()

    def queries(self, from_ms: int, to_ms: int) -> Iterator[TraceQuery]:
        """What to ask the store, one after the other until something is found. InputError for what cannot be."""
        attributes = dict(_pairs(self.attributes))
        for more in _peer_attributes(self.peer):
            yield TraceQuery(
                from_ms,
                to_ms,
                service=self.service,
                operation=self.operation,
                kind=self.kind,
                status=self.status,
                attributes={**attributes, **more},
                duration_min_ms=duration_ms(self.at_least, "at least"),
                duration_max_ms=duration_ms(self.at_most, "at most"),
                fingerprint=self.fingerprint,
                caller=self.caller,
                limit=FETCHED_MAX if self.beside else self.limit,
                order=self.order,
            )


def wish_of(parameters: QueryParams) -> Wish:
    """The address, read; InputError for what cannot be."""
    pairs = tuple(one.strip() for one in parameters.getlist("attribute") if one.strip())
    if len(pairs) > ATTRIBUTES_MAX or any(len(one) > PAIR_CHARS_MAX for one in pairs):
        raise InputError(
            f"attribute: at most {ATTRIBUTES_MAX} of at most {PAIR_CHARS_MAX:,} characters",
            field="attribute",
            limit=ATTRIBUTES_MAX,
        )
    names = ("service", "operation", "fingerprint", "beside", "caller", "peer", "min", "max", "source")
    texts = {name: (parameters.get(name) or "").strip() for name in names}
    for name, text in texts.items():
        if len(text) > NAME_CHARS_MAX:
            raise InputError(f"{name}: at most {NAME_CHARS_MAX:,} characters", field=name, limit=NAME_CHARS_MAX)
    limit = parameters.get("limit") or str(LIMITS[0])
    return Wish(
        service=texts["service"],
        operation=texts["operation"],
        kind=_known("kind", parameters.get("kind") or "", ("", *SPAN_KINDS)),
        status=_known("status", parameters.get("status") or "", ("", *SPAN_STATUSES)),
        attributes=pairs,
        at_least=texts["min"],
        at_most=texts["max"],
        fingerprint=texts["fingerprint"],
        beside=texts["beside"],
        caller=texts["caller"],
        peer=texts["peer"],
        order=cast("Order", _known("order", parameters.get("order") or "newest", get_args(Order))),
        limit=int(_known("limit", limit, tuple(map(str, LIMITS)))),
        source=texts["source"],
        kept=tuple((name, parameters[name]) for name in KEPT if parameters.get(name)),
    )


def _pairs(written: Sequence[str]) -> Iterator[tuple[str, str]]:
    for pair in written:
        key, equals, value = pair.partition("=")
        if not key.strip() or not equals:
            raise InputError(
                f"attribute: KEY=VALUE, such as http.status_code=500, found {pair[:60]!r}",
                field="attribute",
                observed=pair[:60],
            )
        yield key.strip(), value.strip()


def _peer_attributes(peer: str) -> Iterator[dict[str, str]]:
    """The ways in which instrumentations name what they call, the newest convention last: it is tried last."""
    if not peer:
        yield {}
        return
    kind, _, name = peer.partition(":")
    if kind not in PEERS or not name:
        raise InputError(f"peer: one of {', '.join(PEERS)} and a name after a colon, found {peer[:60]!r}", field="peer")
    keys, more_keys = PEERS[kind]
    first, slash, second = name.partition("/") if more_keys else (name, "", "")
    for key in keys:
        if not slash:
            yield {key: first}
        for more in more_keys if slash else ():
            yield {key: first, more: second}


def _known(name: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise InputError(
            f"{name}: one of {', '.join(filter(None, allowed))}, found {value[:30]!r}", field=name, observed=value[:30]
        )
    return value
