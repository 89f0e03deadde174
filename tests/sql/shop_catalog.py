"""A small catalogue in memory, for tests that need no server."""

from __future__ import annotations

from trimtab.sql.catalog import Catalog, Column, Table

TABLES = {
    "public.users": "id email tenant_id created_at active deleted_at name",
    "public.orders": "id user_id tenant_id status total created_at active note data tags a b",
    "public.items": "id order_id product_id quantity price",
    'Big Shop.Order "x"': "Id User select",
}
VIEWS = {
    "public.open_orders": "SELECT o.id AS order_id, o.user_id, lower(o.note) AS note, count(*) OVER () AS n "
    "FROM orders o WHERE o.status = 'open'"
}


def shop_catalog() -> Catalog:
    """The tables above and the view; every column is text."""
    tables: dict[int, Table] = {}
    names: dict[tuple[str | None, str], int] = {}
    for oid, relation in enumerate([*TABLES, *VIEWS], start=1):
        schema, table = relation.split(".")
        columns = {
            name: Column(name, "text", "S", not_null=False, generated=False, c_collation=True, deterministic=True)
            for name in TABLES.get(relation, "").split()
        }
        view = VIEWS.get(relation)
        tables[oid] = Table(
            oid, schema, table, "v" if view else "r", 1e5, 1000, 8192000, 1.0, True, columns, view_sql=view
        )
        names[schema, table] = oid
        if schema == "public":
            names[None, table] = oid
    return Catalog(150000, "me", "public", names, tables, {"lower": frozenset("i"), "now": frozenset("s")})
