"""The real application over real stores, and visitors of every role."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from starlette.testclient import TestClient

from tests.empty_store import make_tables
from trimtab.api.bodies import BodyTimes
from trimtab.api.guard import AccessGuard
from trimtab.app.access import Access
from trimtab.app.config import Config
from trimtab.app.passwords import Passwords
from trimtab.app.service import Service
from trimtab.app.wire import open_service
from trimtab.cli.patient_http import PatientHttp
from trimtab.cli.site import make_site
from trimtab.model.access import PERSON_ROLES, Role

HOST = "127.0.0.1:9321"
BASE_URL = f"http://{HOST}"
PASSWORD = "correct horse battery staple"
CSRF = "X-CSRF-Token"
LOGIN = "/api/trimtab/access/login"


class Clock:
    """Real time, and what was added by hand."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms


@dataclass
class Served:
    """An application with a person and a token for each role: names are the roles'.

    `app` needs a login, `open_app` is the same for a server that only this machine reaches.
    """

    service: Service
    app: AccessGuard
    open_app: AccessGuard
    clock: Clock
    tokens: dict[Role, str] = field(default_factory=dict)

    def visitor(self, role: Role | None = None, *, base_url: str = BASE_URL) -> TestClient:
        """A client without cookies, with the token of a role, or with nothing."""
        client = TestClient(self.app, base_url, raise_server_exceptions=False, follow_redirects=False)
        if role is not None:
            client.headers["Authorization"] = f"Bearer {self.tokens[role]}"
        return client

    def on_loopback(self) -> TestClient:
        """A client of the server that asks nobody for a login."""
        return TestClient(self.open_app, BASE_URL, raise_server_exceptions=False, follow_redirects=False)

    def logged_in(self, role: Role, *, base_url: str = BASE_URL) -> tuple[TestClient, str]:
        """A client with the session of a person, and what their forms must carry."""
        client = self.visitor(base_url=base_url)
        answer = client.post(LOGIN, json={"name": role.value, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return client, str(answer.json()["csrf_token"])

    def audited(self) -> list[tuple[str, str, str]]:
        """Who, what, how it ended: newest first."""
        return [(e.principal, e.action, e.outcome.value) for e in self.service.access.audit_entries(100)]


@contextmanager
def served(data_dir: Path, *, times: BodyTimes | None = None) -> Iterator[Served]:
    """Open, fill with people and tokens, close. Passwords cost nothing here."""
    service = open_service(Config(), make_tables(data_dir), BASE_URL)
    clock = Clock()
    database = service.state.database
    try:
        service.access = Access(database, clock, passwords=Passwords(cheap))
        open_app = make_site(service, times=times)
        service.access = Access(database, clock, login_needed=True, passwords=Passwords(cheap))
        app = make_site(service, ["trimtab.example"], times=times)
        made = Served(service, app, open_app, clock)
        for role in Role:
            if role in PERSON_ROLES:
                service.access.add_user("test", role.value, role, PASSWORD)
            _, made.tokens[role] = service.access.create_token("test", role.value, role)

        def read_files() -> None:
            """What the thread of objectives does, which nobody starts here."""
            service.objectives.round(service.now_ms())

        read_files()
        service.packs.on_new.append(read_files)
        yield made
    finally:
        service.close()


def cheap() -> PasswordHasher:
    """For tests only."""
    return PasswordHasher.from_parameters(CHEAPEST)


@contextmanager
def listening(app: AccessGuard) -> Iterator[int]:
    """A real server on a free port, as `trimtab up` has it; gives the port."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, http=PatientHttp, ws="none", log_level="critical", proxy_headers=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        give_up_at = time.monotonic() + 10
        while not server.started and time.monotonic() < give_up_at:
            time.sleep(0.01)
        assert server.started
        yield int(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(10)


def _has_answered(connection: socket.socket, wait_s: float) -> bool:
    """poll, not select: the engine leaves some threads and their files behind in a process that opens many stores."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(wait_s * 1000))


def raw(port: int, *pieces: bytes, pause_s: float = 0.0, timeout_s: float = 5.0) -> bytes:
    """Send bytes as they are, until the server answers, and read until it closes or says nothing more for a while."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        answer = b""
        try:
            for number, piece in enumerate(pieces):
                if _has_answered(connection, pause_s if number else 0):
                    break
                connection.sendall(piece)
            while chunk := connection.recv(65536):
                answer += chunk
        except (TimeoutError, ConnectionError):
            pass
        return answer
