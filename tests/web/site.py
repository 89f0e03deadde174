"""The real application, pages included, over real stores with nothing in them; each test puts in what pages read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.testclient import TestClient

from tests.empty_store import make_tables
from trimtab.api.guard import AccessGuard
from trimtab.app.config import Config
from trimtab.app.service import Service
from trimtab.app.wire import open_service
from trimtab.cli.site import make_site
from trimtab.model.access import Role

BASE_URL = "http://127.0.0.1:9321"
PASSWORD = "correct horse battery staple"
HTML = {"Accept": "text/html"}


@dataclass
class Site:
    """An application, and visitors of it."""

    service: Service
    app: AccessGuard

    def visitor(self) -> TestClient:
        """A browser without cookies."""
        return TestClient(self.app, BASE_URL, raise_server_exceptions=False, follow_redirects=False, headers=HTML)

    def logged_in(self, role: Role) -> TestClient:
        """A browser of a person with a role; only where a login is needed."""
        client = self.visitor()
        answer = client.post("/api/trimtab/access/login", json={"name": role.value, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return client


@contextmanager
def open_site(data_dir: Path, *, login_needed: bool = False) -> Iterator[Site]:
    """Open, close."""
    service = open_service(Config(), make_tables(data_dir), BASE_URL, login_needed=login_needed)
    try:
        if login_needed:
            for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN):
                service.access.add_user("test", role.value, role, PASSWORD)
        yield Site(service, make_site(service))
    finally:
        service.close()
