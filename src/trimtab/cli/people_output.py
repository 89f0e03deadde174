"""People, tokens and the audit as tables."""

from __future__ import annotations

from rich.console import Console

from trimtab.cli.output import Json, moment, plain, table


def user(console: Console, row: Json) -> None:
    """One person."""
    console.print(plain(f"{row['name']} is {row['role']}"))


def removed(console: Console, row: Json) -> None:
    """Somebody who is gone."""
    console.print(plain(f"{row['name']} is removed"))


def unlocked(console: Console, row: Json) -> None:
    """Somebody who may try again."""
    console.print(plain(f"{row['name']} may try again"))


def users(console: Console, answer: list[Json]) -> None:
    """All people."""
    if not answer:
        console.print("Nobody: trimtab user add NAME --role admin")
        return
    rows = table("People", "name", "role", "added", "by", "password of", "last login")
    for row in answer:
        rows.add_row(
            plain(row["name"]),
            row["role"],
            moment(row["added_at_ms"]),
            plain(row["added_by"]),
            moment(row["password_set_at_ms"]),
            moment(row["last_login_at_ms"]),
        )
    console.print(rows)


def new_token(console: Console, answer: Json) -> None:
    """The secret alone, so that it can go straight into a file or a variable."""
    console.print(plain(answer["secret"]), soft_wrap=True)


def tokens(console: Console, answer: list[Json]) -> None:
    """All tokens."""
    if not answer:
        console.print("No tokens: trimtab token create NAME --role ingest")
        return
    rows = table("Tokens", "#", "name", "role", "begins with", "made", "by", "good until", "last used")
    for row in answer:
        gone_at_ms = row["revoked_at_ms"]
        until = f"revoked {moment(gone_at_ms)}" if gone_at_ms else _until(row["expires_at_ms"])
        rows.add_row(
            str(row["id"]),
            plain(row["name"]),
            row["role"],
            plain(row["prefix"]),
            moment(row["created_at_ms"]),
            plain(row["created_by"]),
            until,
            moment(row["last_used_at_ms"]),
        )
    console.print(rows)


def _until(expires_at_ms: int | None) -> str:
    return "it is revoked" if expires_at_ms is None else moment(expires_at_ms)


def revoked(console: Console, row: Json) -> None:
    """A token that is good for nothing any more."""
    console.print(plain(f"token {row['name']} ({row['id']}) is revoked"))


def audit(console: Console, answer: list[Json]) -> None:
    """Who did what."""
    if not answer:
        console.print("Nothing was done yet.")
        return
    rows = table("Audit", "#", "when", "who", "from", "action", "what", "outcome", "detail")
    for row in answer:
        detail = ", ".join(f"{name}={value}" for name, value in row["detail"].items() if value is not None)
        rows.add_row(
            str(row["seq"]),
            moment(row["at_ms"]),
            plain(row["principal"]),
            plain(row["address"] or row["how"]),
            plain(row["action"]),
            plain(row["target"]),
            row["outcome"],
            plain(detail),
        )
    console.print(rows)
