"""Every statement of the application, by the table it belongs to; the shapes of the faults are among them."""

from __future__ import annotations

from demo.load.statement import Statement
from demo.load.statements import events, order_items, orders, payments, products, tenants, users

ALL: tuple[Statement, ...] = (
    *tenants.ALL,
    *users.ALL,
    *products.ALL,
    *orders.ALL,
    *order_items.ALL,
    *payments.ALL,
    *events.ALL,
)

BY_NAME: dict[str, Statement] = {statement.name: statement for statement in ALL}
