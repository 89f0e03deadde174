"""What people do in the shop: requests, each with the statements it runs and how often it comes."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from demo.faults.fault import Fault
from demo.load.session import Session
from demo.load.statement import Statement
from demo.load.statements import events, order_items, orders, payments, products, tenants, users


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request; `calls_per_s` is how many come in a second when the shop keeps up."""

    route: str
    calls_per_s: float
    handle: Callable[[Session], None]


def _reads(route: str, calls_per_s: float, *statements: Statement) -> Request:
    def handle(session: Session) -> None:
        for statement in statements:
            session.run(statement)

    return Request(route, calls_per_s, handle)


def _place_order(session: Session) -> None:
    d = session.draws
    tenant, total = d.tenant(), round(d.uniform(5, 300), 2)
    channel = d.pick("website", "mobile", "counter")
    with session.transaction():
        number = f"N-{uuid.uuid4().hex[:12]}"
        placed = session.run(
            orders.PLACE,
            (number, "A. Berg", "Berlin", total, tenant, d.row("users"), channel, 2, d.between(2, 5)),
        )
        order_id = placed[0][0]
        for _ in range(2):
            product = d.product()
            warehouse = d.pick("hamburg", "gdansk", "leeds")
            session.run(order_items.ADD, (order_id, product, d.between(1, 3), round(d.uniform(3, 80), 2), warehouse))
        session.run(payments.RECORD, (order_id, tenant, f"pay_{uuid.uuid4().hex}", total, d.pick("card", "paypal")))
    session.run(products.RESERVE)
    session.run(tenants.COUNT_ORDER, (tenant,))


def _work_the_queue(session: Session) -> None:
    waiting = session.run(orders.QUEUED)
    if waiting and session.draws.uniform(0, 1) < 0.33:
        session.run(orders.ADVANCE, (session.draws.pick(*(str(row[0]) for row in waiting)),))


def _track_event(session: Session) -> None:
    d = session.draws
    kind = d.pick("page_view", "page_view", "page_view", "search", "cart")
    place = (d.session(), f"/p/{d.product()}", d.pick("firefox", "chrome", "safari", "app"))
    region = d.pick("north", "south", "east", "west")
    session.run(events.TRACK, (d.tenant(), d.row("users"), *place, region, kind, d.between(40, 150), 200))


HEALTHY: tuple[Request, ...] = (
    _reads("GET /products/{id}", 5, products.PAGE, tenants.SETTINGS),
    _reads("GET /categories/{name}", 4, products.LISTING),
    _reads("GET /scan", 3, products.SCAN),
    _reads("POST /sign-in", 3, users.SIGN_IN, users.SEEN),
    _reads("GET /account", 4, users.PROFILE, orders.OF_USER, events.OF_USER),
    _reads("GET /orders/{id}", 5, orders.DETAIL, order_items.OF_ORDER, payments.OF_ORDER),
    _reads("GET /orders/by-number", 3, orders.BY_NUMBER),
    _reads("GET /tenants/{id}", 3, orders.OF_TENANT, payments.OF_TENANT, events.OF_TENANT, users.NEWEST),
    _reads("GET /orders/{id}/packing-list", 3, order_items.PACKING_LIST),
    _reads("GET /orders/{id}/receipt", 3, orders.RECEIPT),
    _reads("GET /products/{id}/sales", 3, order_items.OF_PRODUCT),
    _reads("GET /payments/{reference}", 3, payments.BY_REFERENCE),
    _reads("GET /channels/{name}/orders", 3, orders.IN_CHANNEL),
    _reads("GET /warehouses/{name}/items", 3, order_items.IN_WAREHOUSE),
    _reads("GET /providers/{name}/payments", 3, payments.OF_PROVIDER),
    _reads("GET /regions/{name}/events", 3, events.IN_REGION),
    _reads("GET /sessions/{id}", 3, events.OF_SESSION),
    _reads("GET /reviews", 3, payments.IN_REVIEW),
    _reads("POST /payments/{id}/retry", 1, payments.RETRY),
    Request("POST /orders", 1, _place_order),
    Request("POST /queue/next", 3, _work_the_queue),
    Request("POST /events", 5, _track_event),
)
"""Everything but the reports that only a fault brings in."""


def mix_for(faults: tuple[Fault, ...]) -> tuple[Request, ...]:
    """The whole mix under these faults: the healthy requests and one for each report that a fault brings in.

    A fault with a missing index needs no request of its own: its statement is called anyway.
    """
    reports = [
        _reads(f"GET /reports/{fault.statement.name}", fault.calls_per_s, fault.statement)
        for fault in faults
        if fault.left_out is None
    ]
    return (*HEALTHY, *reports)
