"""Queries of the test shop with live parameters, for comparing predicted with measured effects.

Each has a template and several rows of values; together they are what an application would send.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A statement with `{0}`, `{1}` ... and the values it is called with."""

    name: str
    text: str
    values: Sequence[tuple[object, ...]]

    def statements(self) -> tuple[str, ...]:
        """All calls, literals in place."""
        return tuple(self.text.format(*row) for row in self.values)


IDS = [(n * 811 + 7,) for n in range(12)]
TENANTS = [(n,) for n in (0, 0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89)]
DAYS = [(f"2025-{1 + n % 12:02d}-{1 + n * 2 % 27:02d}",) for n in range(12)]
YOUNG_TENANTS = [(n,) for n in (55, 60, 65, 70, 75, 80, 85, 90, 95, 97, 98, 99)]
DAY_AND_ID = [(day, identity) for (day,), (identity,) in zip(DAYS, IDS, strict=True)]
ONCE: list[tuple[object, ...]] = [()] * 12

SHAPES = [
    Shape("by user", "SELECT * FROM orders WHERE user_id = {0}", IDS),
    Shape("by user, few columns", "SELECT id, user_id FROM orders WHERE user_id = {0}", IDS),
    Shape("newest of tenant", "SELECT * FROM orders WHERE tenant_id = {0} ORDER BY created_at DESC LIMIT 20", TENANTS),
    Shape("tenant and status", "SELECT * FROM orders WHERE tenant_id = {0} AND status = 'shipped'", TENANTS),
    Shape("count of tenant", "SELECT count(*) FROM orders WHERE tenant_id = {0}", TENANTS),
    Shape(
        "tenant, status, newest",
        "SELECT id, total FROM orders WHERE tenant_id = {0} AND status = 'pending' ORDER BY created_at DESC LIMIT 20",
        TENANTS,
    ),
    Shape("one day", "SELECT * FROM orders WHERE created_at >= '{0}' AND created_at < date '{0}' + 1", DAYS),
    Shape(
        "day's total", "SELECT sum(total) FROM orders WHERE created_at >= '{0}' AND created_at < date '{0}' + 7", DAYS
    ),
    Shape("local day", "SELECT * FROM orders WHERE date(placed_on) = '{0}'", DAYS),
    Shape("queue", "SELECT * FROM orders WHERE status = 'pending' ORDER BY created_at LIMIT 50", ONCE),
    Shape("unpaid and disputed", "SELECT * FROM orders WHERE paid_at IS NULL AND status = 'disputed'", ONCE),
    Shape("unpaid of user", "SELECT * FROM orders WHERE paid_at IS NULL AND user_id = {0}", IDS),
    Shape(
        "weight and channel",
        "SELECT * FROM orders WHERE weight = {0} AND channel = 'counter'",
        [(n * 31,) for n in range(12)],
    ),
    Shape("heaviest", "SELECT * FROM orders ORDER BY weight DESC NULLS LAST, id LIMIT 10", ONCE),
    Shape("heaviest of channel", "SELECT max(weight) FROM orders WHERE channel = 'app'", ONCE),
    Shape("by mail", "SELECT * FROM users WHERE lower(email) = 'user{0}@example.org'", IDS),
    Shape("by mail prefix", "SELECT * FROM users WHERE email LIKE 'User{0}%'", IDS),
    Shape("by country", "SELECT * FROM users WHERE country = 'PL' AND tenant_id = {0}", TENANTS),
    Shape("by session", "SELECT * FROM events WHERE payload->>'session' = md5('{0}')", IDS),
    Shape("by path", "SELECT * FROM events WHERE payload->>'path' = '/p/{0}'", [(n * 17,) for n in range(12)]),
    Shape(
        "rare level",
        "SELECT count(*) FROM events WHERE payload->>'level' = '2' AND user_id < {0}",
        [(n * 90,) for n in range(1, 13)],
    ),
    Shape("latest buys", "SELECT * FROM events WHERE kind = 'buy' ORDER BY at DESC LIMIT 20", ONCE),
    Shape("items of order", "SELECT * FROM items i JOIN orders o ON o.id = i.order_id WHERE o.id = {0}", IDS),
    Shape("orders of mail", "SELECT o.id FROM orders o JOIN users u ON u.id = o.user_id WHERE u.id = {0}", IDS),
    Shape(
        "spending of country",
        "SELECT u.name, sum(o.total) FROM users u JOIN orders o ON o.user_id = u.id "
        "WHERE u.tenant_id = {0} AND u.country = 'PL' GROUP BY u.name",
        YOUNG_TENANTS,
    ),
    Shape(
        "disputes of users",
        "SELECT u.id FROM users u WHERE EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id "
        "AND o.status = 'disputed' AND o.total > 850) ORDER BY u.created_at LIMIT 10",
        ONCE,
    ),
    Shape(
        "items of tenant",
        "SELECT count(*) FROM items i JOIN orders o ON o.id = i.order_id "
        "WHERE o.tenant_id = {0} AND o.status = 'disputed'",
        TENANTS,
    ),
    Shape(
        "dear for its weight",
        "SELECT * FROM orders WHERE total > weight * {0} ORDER BY created_at DESC LIMIT 20",
        [(n,) for n in range(2, 14)],
    ),
    Shape(
        "late in the order (the guess is wrong)",
        "SELECT * FROM events WHERE user_id * {0} > id * 4 ORDER BY at DESC LIMIT 20",
        [(n,) for n in (1, 2, 3)],
    ),
    Shape(
        "old lines of user",
        """SELECT * FROM "Big Shop"."Order Lines" WHERE "User" = 'u{0}' AND "select" > 5""",
        [(n * 31 % 4000,) for n in range(12)],
    ),
    Shape(
        "first lines",
        """SELECT "order" FROM "Big Shop"."Order Lines" WHERE "select" = {0} ORDER BY "order" LIMIT 5""",
        [(n * 3,) for n in range(12)],
    ),
    Shape("find rows to update", "SELECT * FROM items WHERE order_id = {0} AND quantity = 2 FOR UPDATE", IDS),
    Shape(
        "open orders (view)",
        "SELECT user_id FROM open_orders WHERE opened_at > '{0}' AND mail = 'user{1}@example.org'",
        DAY_AND_ID,
    ),
]
