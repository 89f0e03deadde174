"""What the shop's database is made of: tables with their sizes, foreign keys, and the indexes a well-kept shop has."""

from __future__ import annotations

from dataclasses import dataclass

ROWS_AT_FULL_SIZE: dict[str, int] = {
    "order_items": 600_000,
    "orders": 400_000,
    "events": 400_000,
    "payments": 400_000,
    "users": 200_000,
    "products": 200_000,
    "tenants": 2_000,
}
"""Rows of each table at scale 1, the largest first: 2.2 million in all."""


def rows_at(scale: float) -> dict[str, int]:
    """Rows of each table at a scale in (0, 1]; tests fill a small shop.

    >>> rows_at(0.1)["orders"], rows_at(0.1)["tenants"]
    (40000, 200)
    """
    return {table: max(100, int(rows * scale)) for table, rows in ROWS_AT_FULL_SIZE.items()}


@dataclass(frozen=True, slots=True)
class Index:
    """One secondary index: `definition` is what stands after ON."""

    name: str
    definition: str
    unique: bool = False

    @property
    def ddl(self) -> str:
        """The statement that makes it."""
        return f"CREATE {'UNIQUE ' if self.unique else ''}INDEX {self.name} ON {self.definition}"

    @property
    def table(self) -> str:
        """The table it stands on."""
        return self.definition.split(" ", 1)[0]


INDEXES: tuple[Index, ...] = (
    Index("users_lower_email", "users (lower(email))", unique=True),
    Index("users_tenant_created", "users (tenant_id, created_at)"),
    Index("products_tenant_sku", "products (tenant_id, sku)", unique=True),
    Index("products_tenant_category_price", "products (tenant_id, category, price)"),
    Index("products_lower_sku", "products (lower(sku))"),
    Index("orders_number", "orders (number)", unique=True),
    Index("orders_user_placed", "orders (user_id, placed_at)"),
    Index("orders_channel_status_placed", "orders (channel, status, placed_at)"),
    Index("orders_tenant_placed", "orders (tenant_id, placed_at)"),
    Index("orders_queued_placed", "orders (placed_at) WHERE fulfilment = 'queued'"),
    Index("order_items_order", "order_items (order_id)"),
    Index("order_items_product_created", "order_items (product_id, created_at)"),
    Index("order_items_warehouse_state_created", "order_items (warehouse, state, created_at)"),
    Index("payments_order", "payments (order_id)"),
    Index("payments_reference", "payments (reference)", unique=True),
    Index("payments_tenant_created", "payments (tenant_id, created_at)"),
    Index("payments_provider_state_created", "payments (provider, state, created_at)"),
    Index("payments_open_review_created", "payments (created_at) WHERE review = 'open'"),
    Index("events_tenant_occurred", "events (tenant_id, occurred_at)"),
    Index("events_user_occurred", "events (user_id, occurred_at)"),
    Index("events_region_kind_occurred", "events (region, kind, occurred_at)"),
    Index("events_session", "events ((payload ->> 'session'))"),
)
"""Every index of the healthy shop; a fault is one of these left out."""

FOREIGN_KEYS: tuple[tuple[str, str, str], ...] = (
    ("users", "tenant_id", "tenants"),
    ("products", "tenant_id", "tenants"),
    ("orders", "tenant_id", "tenants"),
    ("orders", "user_id", "users"),
    ("order_items", "order_id", "orders"),
    ("order_items", "product_id", "products"),
    ("payments", "order_id", "orders"),
    ("payments", "tenant_id", "tenants"),
    ("events", "tenant_id", "tenants"),
    ("events", "user_id", "users"),
)
"""(table, column, referenced table); the referenced column is always `id`."""


def index_named(name: str) -> Index:
    """The index of the healthy shop with that name; KeyError when there is none."""
    for index in INDEXES:
        if index.name == name:
            return index
    raise KeyError(name)
