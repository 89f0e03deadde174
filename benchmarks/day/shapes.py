"""Thousands of query shapes of a shop: some that always run, most that run now and then."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from trimtab.model.query import QueryShape
from trimtab.sql.fingerprint import shape_of

NOUNS = (
    *("orders", "order_items", "payments", "products", "users", "tenants", "events", "carts", "coupons", "invoices"),
    *("refunds", "shipments", "addresses", "reviews", "categories", "suppliers", "warehouses", "stock_levels"),
    *("sessions", "audit_log", "notifications", "subscriptions", "plans", "tickets", "messages", "attachments"),
    *("price_history", "exchange_rates", "returns", "wishlists"),
)
COLUMNS = (
    *("id", "tenant_id", "user_id", "order_id", "status", "created_at", "updated_at", "amount_cents", "currency"),
    *("country", "email", "sku", "quantity", "kind", "reference", "is_active", "expires_at", "weight_grams"),
)
TABLES = tuple(f"public.{noun}" for noun in NOUNS)


@dataclass(frozen=True, slots=True)
class HotShape:
    """A shape that always runs: calls per second, mean time and rows of a call, blocks it touches, part it reads."""

    shape: QueryShape
    calls_per_s: float
    mean_ms: float
    rows_per_call: float
    blocks_per_call: float
    read_share: float


def draw_shapes(draw: Random, system: str, count: int) -> list[QueryShape]:
    """`count` different shapes."""
    found: dict[str, QueryShape] = {}
    while len(found) < count:
        shape = shape_of(system, _text(draw))
        found.setdefault(shape.fingerprint, shape)
    return list(found.values())


def heat(draw: Random, shapes: list[QueryShape]) -> list[HotShape]:
    """How often and how long each of these runs: few carry most of the load."""
    hot = []
    for place, shape in enumerate(shapes):
        mean_ms = min(400.0, draw.lognormvariate(0.3, 1.3))
        calls_per_s = min(80.0, draw.lognormvariate(1.6, 0.8))
        if place < 3:  # the ones that a case is about
            mean_ms, calls_per_s = 60.0 + 40.0 * place, 3.0
        hot.append(
            HotShape(
                shape=shape,
                calls_per_s=calls_per_s,
                mean_ms=mean_ms,
                rows_per_call=draw.choice([0.0, 1.0, 1.0, 1.0, 12.0, 40.0]),
                blocks_per_call=max(3.0, mean_ms * draw.uniform(5, 60)),
                read_share=draw.choice([0.0, 0.0, 0.001, 0.02, 0.2]),
            )
        )
    return hot


def _text(draw: Random) -> str:
    table = draw.choice(NOUNS)
    columns = draw.sample(COLUMNS, 4)
    style = draw.random()
    if style < 0.55:
        shown = ", ".join(draw.sample(COLUMNS, draw.randrange(1, 7)))
        text = f"SELECT {shown} FROM {table} WHERE {columns[0]} = $1"
        if draw.random() < 0.6:
            text += f" AND {columns[1]} {draw.choice(['=', '>', '<'])} $2"
        if draw.random() < 0.5:
            text += f" ORDER BY {columns[2]} {draw.choice(['ASC', 'DESC'])} LIMIT $3"
        return text
    if style < 0.75:
        other = draw.choice(NOUNS)
        return (
            f"SELECT a.{columns[0]}, count(*), sum(b.amount_cents) FROM {table} a"
            f" JOIN {other} b ON b.{columns[1]} = a.id WHERE a.{columns[2]} = $1 AND b.{columns[3]} >= $2"
            f" GROUP BY a.{columns[0]} ORDER BY 2 DESC LIMIT $3"
        )
    if style < 0.87:
        return f"UPDATE {table} SET {columns[0]} = $1, {columns[1]} = $2 WHERE {columns[2]} = $3"
    if style < 0.96:
        return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ($1, $2, $3, $4)"
    return f"DELETE FROM {table} WHERE {columns[0]} = $1 AND {columns[1]} < $2"
