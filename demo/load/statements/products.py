"""Statements on products."""

from __future__ import annotations

from demo.load.statement import Statement

PAGE = Statement(
    "product_page",
    "SELECT id, tenant_id, sku, title, category, price, stock, attributes FROM products WHERE id = %s",
    ("products",),
    lambda d: (d.product(),),
)
SCAN = Statement(
    "product_scan",
    "SELECT id, title, price, stock FROM products WHERE lower(sku) = %s",
    ("products",),
    lambda d: (d.sku(),),
)
LISTING = Statement(
    "product_listing",
    "SELECT id, title, price FROM products WHERE tenant_id = %s AND category = %s AND price >= %s "
    "ORDER BY price LIMIT 24",
    ("products",),
    lambda d: (
        d.tenant(),
        d.pick("home", "garden", "kitchen", "office", "outdoor", "toys", "travel"),
        round(d.uniform(3, 60), 2),
    ),
)
RESERVE = Statement(
    "product_reserve",
    "UPDATE products SET stock = greatest(stock - %s, 0) WHERE id = %s",
    ("products",),
    lambda d: (d.between(1, 3), d.product()),
)
RANGE_REPORT = Statement(
    "products_range_report",
    "SELECT category, count(*), sum(stock) AS stock, max(price) AS dearest, avg(length(title)) AS title_length, "
    "avg((attributes ->> 'weight_g')::numeric) AS weight_g, max(created_at) AS newest, min(sku) AS first_sku, "
    "count(*) FILTER (WHERE active) AS active FROM products WHERE stock >= %s GROUP BY category ORDER BY category",
    ("products",),
    lambda d: (d.between(0, 10),),
)

ALL = (PAGE, SCAN, LISTING, RESERVE, RANGE_REPORT)
