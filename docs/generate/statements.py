"""What may be sent to a server to change it: one example of every rule of the allow-list, passed through it."""

from __future__ import annotations

from docs.generate.markdown import code, table
from trimtab.sql.allowlist import Kind, check

EXAMPLES: dict[Kind, tuple[str, str]] = {
    Kind.CREATE_INDEX: (
        "CREATE INDEX CONCURRENTLY trimtab_orders_customer ON public.orders (customer_id)",
        "an index of trimtab's own name; never unique, never without CONCURRENTLY",
    ),
    Kind.DROP_INDEX: (
        "DROP INDEX CONCURRENTLY public.trimtab_orders_customer",
        "only an index whose name begins with trimtab_, and only the one that this change built",
    ),
    Kind.ANALYZE: ("ANALYZE public.orders", "the table that got an index on an expression"),
    Kind.SET: ("SET lock_timeout = 5000", "lock_timeout, statement_timeout and application_name of its own session"),
}


def statements_block() -> str:
    """Every kind of statement with its example, as the allow-list would send it."""
    rows = []
    for kind in Kind:
        statement, what = EXAMPLES[kind]
        allowed = check(statement)
        assert allowed.kind is kind  # noqa: S101
        rows.append([code(allowed.text), what])
    return table(["statement (an example)", "what"], rows)
