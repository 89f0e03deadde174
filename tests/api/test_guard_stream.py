"""A stream that is open ends when whoever holds it may no longer see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Scope

from tests.api.served import HOST, PASSWORD, cheap
from trimtab.api import guard
from trimtab.api.guard import AccessGuard
from trimtab.app.access import Access
from trimtab.app.doors import Door
from trimtab.app.passwords import Passwords
from trimtab.model.access import Permission, Session
from trimtab.store.state_database import StateDatabase

CHUNKS_BEFORE = 3
CHUNKS_MAX = 200


async def _forever(_request: Request) -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(CHUNKS_MAX):
            yield b"data: x\n\n"
            await asyncio.sleep(0.001)

    return StreamingResponse(chunks(), media_type="text/event-stream")


async def _chunks_after(access: Access, session: Session, what: str) -> int:
    """How many chunks come when, after some, something happens to the one who holds the stream."""
    app = Starlette(routes=[Route("/events", _forever)])
    guarded = AccessGuard(app, access, [Door("/events", ("GET",), Permission.DECIDE, is_page=True)])
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) == CHUNKS_BEFORE + 1:
            if what == "logout":
                access.logout(session.id)
            elif what == "another role":
                access.set_role("test", session.user, "viewer")
            elif what == "removed":
                access.remove_user("test", session.user)

    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": "/events",
        "raw_path": b"/events",
        "query_string": b"",
        "scheme": "http",
        "server": ("127.0.0.1", 9321),
        "client": ("127.0.0.1", 1),
        "headers": [(b"host", HOST.encode()), (b"cookie", f"trimtab_session={session.secret}".encode())],
    }
    await guarded(scope, receive, send)
    assert sent[0]["status"] == 200
    assert not sent[-1]["more_body"]
    return sum(bool(message.get("body")) for message in sent)


@pytest.mark.parametrize("what", ["logout", "another role", "removed", "nothing"])
def test_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(guard, "STREAM_CHECK_S", 0.0)
    database = StateDatabase(tmp_path / "state.db")
    access = Access(database, lambda: 1_700_000_000_000, login_needed=True, passwords=Passwords(cheap))
    access.add_user("test", "admin", "admin", PASSWORD)
    access.add_user("test", "olga", "operator", PASSWORD)
    session = access.login("olga", PASSWORD, "127.0.0.1")
    chunks = asyncio.run(_chunks_after(access, session, what))
    assert chunks == (CHUNKS_MAX if what == "nothing" else CHUNKS_BEFORE)
    database.close()
