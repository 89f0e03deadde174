"""People, tokens and the audit: by the running server's API, or in the data directory while none runs.

Both ways answer with the same JSON-ready values. What is done in the directory is audited there, too.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Protocol, TypeVar

import msgspec

from trimtab.app.access import Access
from trimtab.cli.client import Client, Way, find_server
from trimtab.cli.segment import segment
from trimtab.model.access import Outcome
from trimtab.model.errors import InputError, StoreLocked, TrimtabError
from trimtab.store.state_database import STATE_FILE, StateDatabase

Json = dict[str, Any]
T = TypeVar("T")


class Administration(Protocol):
    """What an admin does with people and tokens."""

    def users(self) -> list[Json]:
        """All people."""

    def add_user(self, name: str, role: str, password: str) -> Json:
        """A new person."""

    def set_password(self, name: str, password: str) -> Json:
        """A new password; all sessions of that person end."""

    def set_role(self, name: str, role: str) -> Json:
        """Another role."""

    def unlock(self, name: str) -> Json:
        """Forget their failed logins."""

    def remove_user(self, name: str) -> Json:
        """Take somebody away."""

    def tokens(self) -> list[Json]:
        """All tokens."""

    def create_token(self, name: str, role: str, expires_in_s: int | None) -> Json:
        """A new token with its secret."""

    def revoke_token(self, token_id: int) -> Json:
        """Good for nothing from now on."""

    def audit(self, limit: int, before_seq: int | None) -> list[Json]:
        """Who did what."""


@contextmanager
def administration(way: Way, *, creates: bool = False) -> Iterator[Administration]:
    """By the API where a server is named or runs on the data directory; else in the directory itself.

    `creates`: a directory that is not there yet is made.
    """
    if way.server is not None:
        yield OverApi(find_server(way))
        return
    directory = way.data_dir
    if creates:
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise InputError(f"could not make the data directory {directory}: {error.strerror}") from error
    elif not (directory / STATE_FILE).exists():
        raise InputError(f"there is nothing in {directory} yet, and no --server was named")
    try:
        database = StateDatabase(directory / STATE_FILE)
    except StoreLocked:
        yield OverApi(find_server(way))
        return
    with closing(database):
        yield InDirectory(Access(database, lambda: time.time_ns() // 1_000_000))


class OverApi:
    """Asks a running server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def users(self) -> list[Json]:
        """All people."""
        found: list[Json] = self._client.get("/access/users")
        return found

    def add_user(self, name: str, role: str, password: str) -> Json:
        """A new person."""
        return self._post("/access/users", {"name": name, "role": role, "password": password})

    def set_password(self, name: str, password: str) -> Json:
        """A new password; all sessions of that person end."""
        return self._post(f"/access/users/{segment(name)}/password", {"password": password})

    def set_role(self, name: str, role: str) -> Json:
        """Another role."""
        return self._post(f"/access/users/{segment(name)}/role", {"role": role})

    def unlock(self, name: str) -> Json:
        """Forget their failed logins."""
        return self._post(f"/access/users/{segment(name)}/unlock", {})

    def remove_user(self, name: str) -> Json:
        """Take somebody away."""
        gone: Json = self._client.delete(f"/access/users/{segment(name)}")
        return gone

    def tokens(self) -> list[Json]:
        """All tokens."""
        found: list[Json] = self._client.get("/access/tokens")
        return found

    def create_token(self, name: str, role: str, expires_in_s: int | None) -> Json:
        """A new token with its secret."""
        return self._post("/access/tokens", {"name": name, "role": role, "expires_in_s": expires_in_s})

    def revoke_token(self, token_id: int) -> Json:
        """Good for nothing from now on."""
        gone: Json = self._client.delete(f"/access/tokens/{token_id}")
        return gone

    def audit(self, limit: int, before_seq: int | None) -> list[Json]:
        """Who did what."""
        found: list[Json] = self._client.get("/access/audit", limit=limit, before_seq=before_seq)
        return found

    def _post(self, path: str, body: dict[str, object]) -> Json:
        answer: Json = self._client.post(path, body)
        return answer


class InDirectory:
    """Works on the data directory; no server has it open."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._by = f"cli:{getpass.getuser()}"

    def users(self) -> list[Json]:
        """All people."""
        return _plain_all(self._access.users())

    def add_user(self, name: str, role: str, password: str) -> Json:
        """A new person."""
        return self._do("user add", name, lambda: self._access.add_user(self._by, name, role, password), role=role)

    def set_password(self, name: str, password: str) -> Json:
        """A new password; all sessions of that person end."""
        return self._do("user password", name, lambda: self._access.set_password(self._by, name, password))

    def set_role(self, name: str, role: str) -> Json:
        """Another role."""
        return self._do("user role", name, lambda: self._access.set_role(self._by, name, role), role=role)

    def unlock(self, name: str) -> Json:
        """Failed logins are counted in the memory of a server: while none runs there are none."""
        return self._do("user unlock", name, lambda: self._access.unlock(self._by, name))

    def remove_user(self, name: str) -> Json:
        """Take somebody away."""
        return self._do("user remove", name, lambda: self._access.remove_user(self._by, name))

    def tokens(self) -> list[Json]:
        """All tokens."""
        return _plain_all(self._access.tokens())

    def create_token(self, name: str, role: str, expires_in_s: int | None) -> Json:
        """A new token with its secret."""
        made = self._audited(
            "token create", name, lambda: self._access.create_token(self._by, name, role, expires_in_s), {"role": role}
        )
        return {"token": _plain(made[0]), "secret": made[1]}

    def revoke_token(self, token_id: int) -> Json:
        """Good for nothing from now on."""
        return self._do("token revoke", str(token_id), lambda: self._access.revoke_token(self._by, token_id))

    def audit(self, limit: int, before_seq: int | None) -> list[Json]:
        """Who did what."""
        return _plain_all(self._access.audit_entries(limit, before_seq))

    def _do(self, action: str, target: str, what: Callable[[], object], **detail: object) -> Json:
        return _plain(self._audited(action, target, what, detail))

    def _audited(self, action: str, target: str, what: Callable[[], T], detail: dict[str, object]) -> T:
        try:
            done = what()
        except TrimtabError as error:
            failed = {**detail, "why": error.message}
            self._access.audit(self._by, action, target, failed, how="directory", outcome=Outcome.FAILED)
            raise
        self._access.audit(self._by, action, target, detail, how="directory")
        return done


def _plain(value: object) -> Json:
    made: Json = msgspec.to_builtins(value)
    return made


def _plain_all(values: tuple[object, ...]) -> list[Json]:
    return [_plain(value) for value in values]
