"""Statements on payments."""

from __future__ import annotations

from demo.load.statement import Statement

OF_ORDER = Statement(
    "payment_of_order",
    "SELECT id, provider, state, amount, refunded_amount, settled_at FROM payments WHERE order_id = %s",
    ("payments",),
    lambda d: (d.row("orders"),),
)
BY_REFERENCE = Statement(
    "payment_by_reference",
    "SELECT id, order_id, state, amount FROM payments WHERE reference = %s",
    ("payments",),
    lambda d: (d.payment_reference(),),
)
OF_TENANT = Statement(
    "payments_of_tenant",
    "SELECT id, order_id, provider, amount, fee, created_at FROM payments WHERE tenant_id = %s "
    "ORDER BY created_at DESC LIMIT 10",
    ("payments",),
    lambda d: (d.tenant(),),
)
OF_PROVIDER = Statement(
    "payments_of_provider",
    "SELECT id, order_id, amount, fee, created_at FROM payments WHERE provider = %s AND state = %s "
    "ORDER BY created_at DESC LIMIT 10",
    ("payments",),
    lambda d: (d.pick("card", "card", "paypal"), "captured"),
)
IN_REVIEW = Statement(
    "payments_in_review",
    "SELECT id, order_id, provider, amount, attempts, created_at FROM payments WHERE review = 'open' "
    "ORDER BY created_at LIMIT 20",
    ("payments",),
    lambda _: (),
)
RECORD = Statement(
    "payment_record",
    "INSERT INTO payments (order_id, tenant_id, reference, currency, amount, refunded_amount, fee, provider, state, "
    "review, created_at) VALUES (%s, %s, %s, 'EUR', %s, 0, 0.3, %s, 'authorised', 'none', now())",
    ("payments",),
)
RETRY = Statement(
    "payment_retry",
    "UPDATE payments SET attempts = attempts + 1 WHERE id = %s",
    ("payments",),
    lambda d: (d.row("payments"),),
)
REFUNDED = Statement(
    "payments_refunded",
    "SELECT id, order_id, tenant_id, reference, currency, amount, refunded_amount, fee, provider, state, review, "
    "attempts, created_at, settled_at FROM payments WHERE state = 'captured' AND refunded_amount > amount * %s "
    "ORDER BY created_at DESC LIMIT 20",
    ("payments",),
    lambda d: (round(d.uniform(0.15, 0.45), 2),),
)
FEE_REPORT = Statement(
    "payments_fee_report",
    "SELECT provider, state, count(*), max(amount) AS amount, max(refunded_amount) AS refunded, max(fee) AS fee, "
    "max(settled_at) AS settled, min(created_at) AS first, max(reference) AS reference, max(order_id) AS last_order "
    "FROM payments WHERE attempts >= %s GROUP BY provider, state ORDER BY provider, state",
    ("payments",),
    lambda d: (d.between(0, 1),),
)

ALL = (OF_ORDER, BY_REFERENCE, OF_TENANT, OF_PROVIDER, IN_REVIEW, RECORD, RETRY, REFUNDED, FEE_REPORT)
