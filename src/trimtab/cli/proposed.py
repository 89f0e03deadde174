"""What exactly a case proposes, before somebody says yes to it; and what came of what somebody said."""

from __future__ import annotations

from typing import Any

import msgspec

from trimtab.cli.output import moment, ratio, size
from trimtab.model.errors import StatementRefused
from trimtab.model.index import IndexDefinition
from trimtab.sql.identifiers import qualified
from trimtab.sql.index_ddl import create_statement, index_name

Json = dict[str, Any]


def proposed_lines(case: Json) -> list[str]:
    """The statement as it will be sent, what is expected of it, and what was not verified."""
    change = case["change"]
    proposal: Json = change["proposal"]
    lines = [
        f"Case {case['id']} proposes on {case['system']}:",
        f"  {statement_of(change)}",
        f"  taken back with: {undo_of(change)}",
        f"  predicted ratio {ratio(proposal['predicted_ratio'], proposal['predicted_interval_90'])}, "
        f"about {size(proposal['size_bytes'])}, risk {proposal['risk']}",
        *(f"  risk: {sentence}" for sentence in proposal["risk_reasons"]),
        *(f"  not verified: {sentence}" for sentence in proposal["not_verified"]),
        f"  hash {proposal['content_hash']}",
    ]
    return [printable(line) for line in lines]


def approved_lines(case: Json) -> list[str]:
    """That it was approved, until when, and what happens next."""
    change = case["change"]
    what = f"{change['proposal']['summary']} on {case['system']}"
    until = moment(change["approval_expires_at_ms"])
    waits = case.get("waits_for")
    next_ = f"it waits for: {waits}" if waits else "guards and checks are asked, then it is built and measured"
    lines = [
        f"Approved by {change['approved_by']}: case {case['id']}, {what}; valid until {until}.",
        f"Next: {next_}. 'trimtab case {case['id']}' tells how it goes.",
    ]
    warning = case.get("warning")
    return [printable(line) for line in [*lines, *([f"Warning: {warning}"] if warning else [])]]


def decided_line(case: Json) -> str:
    """What was said, where it was no yes."""
    change = case["change"]
    stands = case["verdict"] or change["state"]
    return printable(f"Case {case['id']} is {stands.replace('_', ' ')}: {case['reason'] or change['reason'] or '-'}.")


def statement_of(change: Json) -> str:
    """What is sent to the target to make the change: the name of the index follows from the change."""
    definition, name = _index_of(change)
    return create_statement(definition, name, concurrently=True)


def undo_of(change: Json) -> str:
    """What is sent to take it back, by trimtab or by hand."""
    definition, name = _index_of(change)
    return f"DROP INDEX CONCURRENTLY {qualified(definition.schema, name)}"


def both_ways(change: Json) -> list[str]:
    """The statement and the one that takes it back, where the definition makes one."""
    try:
        return [printable(f"statement: {statement_of(change)}"), printable(f"undo: {undo_of(change)}")]
    except StatementRefused as error:
        return [printable(f"statement: none, {error.message}")]


def _index_of(change: Json) -> tuple[IndexDefinition, str]:
    definition = msgspec.convert(change["proposal"]["index"], IndexDefinition)
    return definition, index_name(definition, change["id"])


def printable(text: str) -> str:
    """The text without anything that could steer a terminal: names of tables may hold whatever they like.

    >>> printable("CREATE INDEX x ON \\x1b[2J")
    'CREATE INDEX x ON \\\\x1b[2J'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
