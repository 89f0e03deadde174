"""Statements on orders."""

from __future__ import annotations

from demo.load.statement import Statement

DETAIL = Statement(
    "order_detail",
    "SELECT id, tenant_id, user_id, number, status, channel, total, placed_at, delivered_at FROM orders WHERE id = %s",
    ("orders",),
    lambda d: (d.row("orders"),),
)
BY_NUMBER = Statement(
    "order_by_number",
    "SELECT id, status, total, placed_at, promised_at FROM orders WHERE number = %s",
    ("orders",),
    lambda d: (d.order_number(),),
)
OF_USER = Statement(
    "orders_of_user",
    "SELECT id, number, status, total, placed_at FROM orders WHERE user_id = %s ORDER BY placed_at DESC LIMIT 10",
    ("orders",),
    lambda d: (d.row("users"),),
)
OF_TENANT = Statement(
    "orders_of_tenant",
    "SELECT id, number, status, total, placed_at FROM orders WHERE tenant_id = %s ORDER BY placed_at DESC LIMIT 20",
    ("orders",),
    lambda d: (d.tenant(),),
)
IN_CHANNEL = Statement(
    "orders_in_channel",
    "SELECT id, number, total, placed_at FROM orders WHERE channel = %s AND status = %s "
    "ORDER BY placed_at DESC LIMIT 10",
    ("orders",),
    lambda d: (d.pick("website", "mobile", "counter"), "delivered"),
)
QUEUED = Statement(
    "orders_queued",
    "SELECT id, tenant_id, number, total, placed_at FROM orders WHERE fulfilment = 'queued' "
    "ORDER BY placed_at LIMIT 20",
    ("orders",),
    lambda _: (),
)
PLACE = Statement(
    "order_place",
    "INSERT INTO orders (number, currency, delivery_name, delivery_city, note, total, tenant_id, user_id, channel, "
    "status, fulfilment, items_count, placed_at, promised_at) VALUES (%s, 'EUR', %s, %s, '', %s, %s, %s, %s, "
    "'pending', 'queued', %s, now(), now() + make_interval(days => %s)) RETURNING id",
    ("orders",),
)
ADVANCE = Statement(
    "order_advance",
    "UPDATE orders SET status = 'paid', fulfilment = 'packed' WHERE id = %s AND fulfilment = 'queued'",
    ("orders",),
)
LATE = Statement(
    "orders_late",
    "SELECT id, number, currency, delivery_name, delivery_city, note, total, tenant_id, user_id, channel, status, "
    "fulfilment, items_count, placed_at, promised_at, delivered_at FROM orders WHERE status = 'delivered' "
    "AND delivered_at > promised_at + make_interval(days => %s) ORDER BY placed_at DESC LIMIT 20",
    ("orders",),
    lambda d: (d.between(1, 7),),
)
RECEIPT = Statement(
    "order_receipt",
    "SELECT o.number, o.total, o.placed_at, p.provider, p.state, p.amount FROM orders o "
    "JOIN payments p ON p.order_id = o.id WHERE o.id = %s",
    ("orders", "payments"),
    lambda d: (d.row("orders"),),
)

ALL = (DETAIL, BY_NUMBER, OF_USER, OF_TENANT, IN_CHANNEL, QUEUED, PLACE, ADVANCE, LATE, RECEIPT)
