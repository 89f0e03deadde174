"""Every route by role by answer: asked of the real application, and written to docs/reference/access.md.

`python -m tests.api.routes_by_role` writes the page anew; the test compares it with what happens.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.types import Message, Scope

from tests.api.served import HOST, Served, served
from trimtab.app.doors import Door
from trimtab.model.access import ROLE_PERMISSIONS, Permission, Role

PAGE = Path(__file__).parents[2] / "docs/reference/access.md"
VISITORS: tuple[Role | None, ...] = (None, Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.INGEST)
VALUES: Mapping[str, str] = {"case_id": "999999", "token_id": "999999", "fingerprint": "0" * 16, "path": "trimtab.css"}
"""What stands for a parameter in a path; others are names that nobody has."""

ANSWER_S = 20.0
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")

_INTRODUCTION = """# Who may do what

Made by asking the real application (`python -m tests.api.routes_by_role`); a test fails where this page is not current.
What was tried against it is on [Attacks that were tried](attacks.md).

A server on loopback asks nobody for a login: whoever reaches it from this machine is an admin. `trimtab up --listen` on
any other address, or `--require-login`, asks everybody: people log in with a password (`trimtab user add`) and get a
session; programs send a token (`trimtab token create`) as `Authorization: Bearer …`.

## Roles

| role | for | look | decide | administer | ingest |
|---|---|---|---|---|---|
"""
_ROLES_FOR = {
    Role.VIEWER: "people and programs that look",
    Role.OPERATOR: "people who approve, reject, roll back, freeze",
    Role.ADMIN: "people who also watch systems, set policy, people and tokens, and read the audit",
    Role.INGEST: "programs that send telemetry, and nothing else (tokens only)",
}
_LEGEND = """
## Routes

**in** was let in; the number behind it is what the request of this test then got (there is no case 999999, and its body
is empty: the login form wants its proof or says that the password is wrong). **login** is sent to the login page; a
number alone is a refusal.

"""


@dataclass(frozen=True)
class Row:
    """One method and path, what it takes, and the status that each visitor got."""

    method: str
    path: str
    door: Door
    statuses: tuple[int, ...]


@contextmanager
def application() -> Iterator[Served]:
    """A server of its own."""
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "data") as made:
        yield made


def rows(made: Served) -> list[Row]:
    """Ask every route as everybody."""
    found: list[Row] = []
    for method, path, door in made.app.table.doors():
        if method != "HEAD":
            statuses = tuple(asyncio.run(status(made, role, method, path)) for role in VISITORS)
            found.append(Row(method, path, door, statuses))
    return sorted(found, key=lambda row: (row.door.is_page, row.path, row.method))


async def status(made: Served, role: Role | None, method: str, path: str) -> int:
    """The status of one answer; the body is not waited for, since some never end."""
    filled = _PARAMETER.sub(lambda match: VALUES.get(match[1], "nobody"), path)
    headers = [(b"host", HOST.encode()), (b"accept", b"text/html,application/json")]
    if role is not None:
        headers.append((b"authorization", f"Bearer {made.tokens[role]}".encode()))
    body = b""
    if method != "GET":
        is_page = not path.startswith(("/api/", "/v1/"))
        media = b"application/x-www-form-urlencoded" if is_page else b"application/json"
        body = b"" if is_page else b"{}"
        headers.append((b"content-type", media))
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": filled,
        "raw_path": filled.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "server": ("127.0.0.1", 9321),
        "client": ("127.0.0.1", 1),
        "headers": headers,
    }
    seen: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and not seen.done():
            seen.set_result(int(message["status"]))

    task = asyncio.create_task(made.app(scope, receive, send))
    try:
        return await asyncio.wait_for(seen, ANSWER_S)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def was_let_in(row: Row, number: int) -> bool:
    """Whether this visitor came through the guard; where everybody may, what they got has other reasons."""
    if row.door.permission is None:
        return True
    if row.statuses[number] in {401, 403}:
        return False
    return VISITORS[number] is not None or row.statuses[number] != 303


def may(row: Row, role: Role | None) -> bool:
    """What the declarations say."""
    return row.door.permission is None or (role is not None and row.door.permission in ROLE_PERMISSIONS[role])


def page(table: Sequence[Row]) -> str:
    """The page, from what happened."""
    lines = [_INTRODUCTION.rstrip("\n")]
    for role, use in _ROLES_FOR.items():
        marks = " | ".join("yes" if permission in ROLE_PERMISSIONS[role] else "" for permission in Permission)
        lines.append(f"| {role.value} | {use} | {marks} |")
    lines.append(_LEGEND.rstrip("\n"))
    heading = f"| route | takes | {' | '.join('nobody' if role is None else role.value for role in VISITORS)} |"
    for title, is_page in (("API and telemetry", False), ("Pages", True)):
        lines += [f"\n### {title}\n", heading, f"|{'---|' * (len(VISITORS) + 2)}"]
        for row in table:
            if row.door.is_page is is_page:
                cells = " | ".join(_cell(row, number) for number in range(len(VISITORS)))
                takes = "" if row.door.permission is None else row.door.permission.value
                shown = _PARAMETER.sub(r"{\1}", row.path)
                lines.append(f"| `{row.method} {shown}` | {takes} | {cells} |")
    return "\n".join(lines) + "\n"


def _cell(row: Row, number: int) -> str:
    status_seen = row.statuses[number]
    if was_let_in(row, number):
        return f"in ({status_seen})"
    return "login" if status_seen == 303 else str(status_seen)


def main() -> None:
    """Write the page."""
    with application() as made:
        PAGE.write_text(page(rows(made)), "utf-8")


if __name__ == "__main__":
    main()
