"""The real application over real stores, and visitors of every role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.testclient import TestClient

from trimtab.api.asgi import make_app
from trimtab.api.bodies import BodyTimes
from trimtab.api.guard import AccessGuard
from trimtab.app.config import Config
from trimtab.app.service import Service
from trimtab.app.wire import open_service
from trimtab.model.access import Role

BASE_URL = "http://127.0.0.1:9321"
PASSWORD = "correct horse battery staple"


@dataclass
class Served:
    """An application with a person and a token for each role: names are the roles'."""

    service: Service
    app: AccessGuard
    tokens: dict[Role, str] = field(default_factory=dict)

    def visitor(self, role: Role | None = None) -> TestClient:
        """A client without cookies, with the token of a role, or with nothing."""
        client = TestClient(self.app, BASE_URL, raise_server_exceptions=False, follow_redirects=False)
        if role is not None:
            client.headers["Authorization"] = f"Bearer {self.tokens[role]}"
        return client

    def logged_in(self, role: Role) -> TestClient:
        """A client with the session of a person; `X-CSRF-Token` is not set, see `csrf`."""
        client = self.visitor()
        answer = client.post("/api/trimtab/access/login", json={"name": role.value, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["X-Test-CSRF"] = answer.json()["csrf_token"]
        return client


def csrf_of(client: TestClient) -> str:
    """What the forms of this client must carry."""
    return str(client.headers["X-Test-CSRF"])


@contextmanager
def served(data_dir: Path, *, login_needed: bool = True, times: BodyTimes | None = None) -> Iterator[Served]:
    """Open, fill with people and tokens, close."""
    service = open_service(Config(), data_dir, BASE_URL, login_needed=login_needed)
    try:
        made = Served(service, make_app(service, allowed_hosts=["trimtab.example"], times=times))
        for role in Role:
            if role is not Role.INGEST:
                service.access.add_user("test", role.value, role, PASSWORD)
            _, made.tokens[role] = service.access.create_token("test", role.value, role)
        yield made
    finally:
        service.close()
