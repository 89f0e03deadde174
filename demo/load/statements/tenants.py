"""Statements on tenants."""

from __future__ import annotations

from demo.load.statement import Statement

SETTINGS = Statement(
    "tenant_settings",
    "SELECT name, plan, country, settings FROM tenants WHERE id = %s",
    ("tenants",),
    lambda d: (d.tenant(),),
)
COUNT_ORDER = Statement(
    "tenant_count_order",
    "UPDATE tenants SET orders_open = orders_open + 1 WHERE id = %s",
    ("tenants",),
)

ALL = (SETTINGS, COUNT_ORDER)
