"""Who asks, as the guard of the server found out, and notes for the audit of what they did."""

from __future__ import annotations

from starlette.requests import Request

from trimtab.app.access import acting_name
from trimtab.model.access import Principal
from trimtab.model.errors import LoginNeeded


def principal_of(request: Request) -> Principal:
    """The principal; LoginNeeded where there is none."""
    principal = request.scope.get("trimtab.principal")
    if not isinstance(principal, Principal):
        raise LoginNeeded("a login is needed")
    return principal


def acting(request: Request, by: str | None = None) -> str:
    """Whose name goes into ledger and audit. `by` counts on loopback alone; elsewhere another one is refused."""
    name = acting_name(principal_of(request), by)
    note(request, by=name)
    return name


def address_of(request: Request) -> str:
    """Where the request came from."""
    return str(request.scope.get("trimtab.address", ""))


def note(request: Request, **detail: object) -> None:
    """Details for the audit, beside what the guard knows: `target` names what it was done to. Never a secret."""
    request.scope.setdefault("trimtab.audit", {}).update(detail)
