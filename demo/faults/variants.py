"""Every variant of every kind. The figures that make them what they are are checked by tests/demo on a real server."""

from __future__ import annotations

from demo.faults.fault import Fault, FaultKind
from demo.load.statements import events, order_items, orders, payments, products, users

MISSING_COMPOSITE = (
    Fault(FaultKind.MISSING_COMPOSITE, orders.IN_CHANNEL, 3.0, left_out="orders_channel_status_placed"),
    Fault(FaultKind.MISSING_COMPOSITE, order_items.IN_WAREHOUSE, 3.0, left_out="order_items_warehouse_state_created"),
    Fault(FaultKind.MISSING_COMPOSITE, payments.OF_PROVIDER, 3.0, left_out="payments_provider_state_created"),
    Fault(FaultKind.MISSING_COMPOSITE, events.IN_REGION, 3.0, left_out="events_region_kind_occurred"),
)

MISSING_SPECIAL = (
    Fault(FaultKind.MISSING_SPECIAL, users.SIGN_IN, 3.0, left_out="users_lower_email"),
    Fault(FaultKind.MISSING_SPECIAL, products.SCAN, 3.0, left_out="products_lower_sku"),
    Fault(FaultKind.MISSING_SPECIAL, events.OF_SESSION, 3.0, left_out="events_session"),
    Fault(FaultKind.MISSING_SPECIAL, orders.QUEUED, 3.0, left_out="orders_queued_placed"),
    Fault(FaultKind.MISSING_SPECIAL, payments.IN_REVIEW, 3.0, left_out="payments_open_review_created"),
)

HOPELESS = (
    Fault(
        FaultKind.HOPELESS,
        users.AUDIENCE_REPORT,
        1.0,
        candidates=(
            "users (logins)",
            "users (country, role)",
            "users (country, role, logins)",
            "users (country, role) INCLUDE (logins, profile, last_seen_at, email, created_at, full_name)",
        ),
    ),
    Fault(
        FaultKind.HOPELESS,
        products.RANGE_REPORT,
        1.0,
        candidates=(
            "products (stock)",
            "products (category, stock)",
            "products (category) INCLUDE (stock, attributes, price, title, created_at, sku, active)",
        ),
    ),
    Fault(
        FaultKind.HOPELESS,
        order_items.SALES_REPORT,
        1.0,
        candidates=(
            "order_items (quantity)",
            "order_items (state)",
            "order_items (state, quantity) INCLUDE (unit_price, discount, created_at, order_id, product_id, warehouse)",
        ),
    ),
    Fault(
        FaultKind.HOPELESS,
        payments.FEE_REPORT,
        1.0,
        candidates=(
            "payments (attempts)",
            "payments (provider, state)",
            "payments (provider, state, attempts) INCLUDE (amount, refunded_amount, fee, settled_at, created_at, "
            "reference, order_id)",
        ),
    ),
    Fault(
        FaultKind.HOPELESS,
        events.AGENT_REPORT,
        1.0,
        candidates=(
            "events (budget_ms)",
            "events (kind, budget_ms)",
            "events ((payload ->> 'agent'))",
            "events (kind, budget_ms) INCLUDE (payload, duration_ms, occurred_at, user_id)",
        ),
    ),
)

LIES = (
    Fault(
        FaultKind.LIE,
        orders.LATE,
        1.2,
        candidates=(
            "orders (status, placed_at)",
            "orders (placed_at) WHERE status = 'delivered'",
            "orders (placed_at)",
            "orders (status, placed_at, delivered_at)",
            "orders (status, placed_at, delivered_at, promised_at)",
            "orders (status, placed_at) INCLUDE (delivered_at, promised_at)",
            "orders (status, delivered_at)",
            "orders (status, delivered_at, placed_at)",
            "orders (delivered_at) WHERE status = 'delivered'",
            "orders (status)",
        ),
    ),
    Fault(
        FaultKind.LIE,
        payments.REFUNDED,
        1.2,
        candidates=(
            "payments (state, created_at)",
            "payments (created_at) WHERE state = 'captured'",
            "payments (created_at)",
            "payments (state, created_at, refunded_amount)",
            "payments (state, created_at) INCLUDE (refunded_amount, amount)",
            "payments (state, refunded_amount)",
            "payments (state, refunded_amount, created_at)",
            "payments (refunded_amount) WHERE state = 'captured'",
            "payments (state)",
        ),
    ),
    Fault(
        FaultKind.LIE,
        order_items.CAMPAIGN,
        1.2,
        candidates=(
            "order_items (state, created_at)",
            "order_items (created_at) WHERE state = 'shipped'",
            "order_items (created_at)",
            "order_items (state, created_at, discount)",
            "order_items (state, created_at) INCLUDE (discount, unit_price)",
            "order_items (state, discount)",
            "order_items (state, discount, created_at)",
            "order_items (discount) WHERE state = 'shipped'",
            "order_items (state)",
        ),
    ),
    Fault(
        FaultKind.LIE,
        events.OVER_BUDGET,
        1.2,
        candidates=(
            "events (kind, occurred_at)",
            "events (occurred_at) WHERE kind = 'page_view'",
            "events (occurred_at)",
            "events (kind, occurred_at, duration_ms)",
            "events (kind, occurred_at) INCLUDE (duration_ms, budget_ms)",
            "events (kind, duration_ms)",
            "events (kind, duration_ms, occurred_at)",
            "events (duration_ms) WHERE kind = 'page_view'",
            "events (kind)",
        ),
    ),
)

VARIANTS: dict[FaultKind, tuple[Fault, ...]] = {
    FaultKind.MISSING_COMPOSITE: MISSING_COMPOSITE,
    FaultKind.MISSING_SPECIAL: MISSING_SPECIAL,
    FaultKind.HOPELESS: HOPELESS,
    FaultKind.LIE: LIES,
}
