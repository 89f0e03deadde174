"""What exactly a case proposes, before somebody says yes to it."""

from __future__ import annotations

from typing import Any

import msgspec

from trimtab.cli.output import ratio, size
from trimtab.model.index import IndexDefinition
from trimtab.sql.index_ddl import create_statement, index_name

Json = dict[str, Any]


def proposed_lines(case: Json) -> list[str]:
    """The statement as it will be sent, what is expected of it, and what was not verified."""
    change = case["change"]
    proposal: Json = change["proposal"]
    definition = msgspec.convert(proposal["index"], IndexDefinition)
    statement = create_statement(definition, index_name(definition, change["id"]), concurrently=True)
    lines = [
        f"Case {case['id']} proposes on {case['system']}:",
        f"  {statement}",
        f"  predicted ratio {ratio(proposal['predicted_ratio'], proposal['predicted_interval_90'])}, "
        f"about {size(proposal['size_bytes'])}, risk {proposal['risk']}",
        *(f"  not verified: {sentence}" for sentence in proposal["not_verified"]),
        f"  hash {proposal['content_hash']}",
    ]
    return [printable(line) for line in lines]


def printable(text: str) -> str:
    """The text without anything that could steer a terminal: names of tables may hold whatever they like.

    >>> printable("CREATE INDEX x ON \\x1b[2J")
    'CREATE INDEX x ON \\\\x1b[2J'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
