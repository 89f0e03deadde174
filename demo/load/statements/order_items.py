"""Statements on the lines of orders."""

from __future__ import annotations

from demo.load.statement import Statement

OF_ORDER = Statement(
    "items_of_order",
    "SELECT id, product_id, quantity, unit_price, discount, state FROM order_items WHERE order_id = %s",
    ("order_items",),
    lambda d: (d.row("orders"),),
)
OF_PRODUCT = Statement(
    "items_of_product",
    "SELECT id, order_id, quantity, unit_price, state, created_at FROM order_items WHERE product_id = %s "
    "ORDER BY created_at DESC LIMIT 10",
    ("order_items",),
    lambda d: (d.product(),),
)
IN_WAREHOUSE = Statement(
    "items_in_warehouse",
    "SELECT id, order_id, product_id, quantity, created_at FROM order_items WHERE warehouse = %s AND state = %s "
    "ORDER BY created_at DESC LIMIT 10",
    ("order_items",),
    lambda d: (d.pick("hamburg", "gdansk", "leeds"), "shipped"),
)
ADD = Statement(
    "item_add",
    "INSERT INTO order_items (order_id, product_id, quantity, unit_price, discount, warehouse, state, created_at) "
    "VALUES (%s, %s, %s, %s, 0, %s, 'open', now())",
    ("order_items",),
)
PACKING_LIST = Statement(
    "items_packing_list",
    "SELECT i.quantity, i.unit_price, p.sku, p.title FROM order_items i JOIN products p ON p.id = i.product_id "
    "WHERE i.order_id = %s",
    ("order_items", "products"),
    lambda d: (d.row("orders"),),
)
CAMPAIGN = Statement(
    "items_deep_discounts",
    "SELECT id, order_id, product_id, quantity, unit_price, discount, warehouse, state, created_at "
    "FROM order_items WHERE state = 'shipped' AND discount > unit_price * %s ORDER BY created_at DESC LIMIT 20",
    ("order_items",),
    lambda d: (round(d.uniform(0.25, 0.45), 2),),
)
SALES_REPORT = Statement(
    "items_sales_report",
    "SELECT state, count(*), sum(quantity) AS pieces, max(unit_price) AS dearest, max(discount) AS discount, "
    "max(created_at) AS newest, max(order_id) AS last_order, max(product_id) AS last_product, max(warehouse) AS last "
    "FROM order_items WHERE quantity >= %s GROUP BY state ORDER BY state",
    ("order_items",),
    lambda d: (d.between(0, 1),),
)

ALL = (OF_ORDER, OF_PRODUCT, IN_WAREHOUSE, ADD, PACKING_LIST, CAMPAIGN, SALES_REPORT)
