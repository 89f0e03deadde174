"""`CREATE STATISTICS` on one expression: quoted, checked, always spelled the same way. PostgreSQL has it from 14 on."""

from __future__ import annotations

import hashlib
import re

from trimtab.sql.expressions import canonical_expression
from trimtab.sql.identifiers import IDENTIFIER_BYTES_MAX, qualified, shortened

VERSION_MIN = 140_000


def statistics_name(table: str, expression: str) -> str:
    """A readable name, another for each expression; until version 15 a statistics object must have one.

    >>> statistics_name("users", "lower(email)")
    'users_lower_email_6c8389'
    """
    digits = hashlib.sha256(expression.encode()).hexdigest()[:6]
    words = re.sub(r"[^a-z0-9]+", "_", f"{table}_{expression}".lower()).strip("_")
    return f"{shortened(words, IDENTIFIER_BYTES_MAX - 1 - len(digits)).strip('_')}_{digits}"


def create_statistics(schema: str, table: str, expression: str) -> str:
    """The statement that makes them. They are empty until ANALYZE has looked at the table.

    >>> create_statistics("public", "users", "LOWER( email )")
    'CREATE STATISTICS public.users_lower_email_6c8389 ON (lower(email)) FROM public.users'

    Raises `StatementRefused` where it is not one plain expression.
    """
    text = canonical_expression(expression)
    name = qualified(schema, statistics_name(table, text))
    return f"CREATE STATISTICS {name} ON ({text}) FROM {qualified(schema, table)}"
