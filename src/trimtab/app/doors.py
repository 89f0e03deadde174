"""What the guard of the server needs to know of each route: who may, and what it is called in the audit.

`api` declares a door for each of its operations, `web` for each of its pages. A route without one is a programming
error, found when the application is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trimtab.model.access import Permission

TARGET_BYTES_MAX = 8 * 1024
"""Of an address."""
BODY_BYTES_MAX = 128 * 1024
"""Of a form or a call."""


class Declared(Protocol):
    """Anything that says who may use a route: a `Door`, or a page of `web`."""

    @property
    def path(self) -> str:
        """The path as Starlette has it, with `{parameters}`."""

    @property
    def methods(self) -> Sequence[str]:
        """HTTP methods; HEAD goes with GET."""

    @property
    def permission(self) -> Permission | None:
        """What is needed; None lets everybody in."""


@dataclass(frozen=True, slots=True)
class Door:
    """Who may use a route. `action` is its name in the audit; None where nothing is to be written down.

    `is_page` tells how to refuse: a page or a way to the login, or JSON. `body_bytes_max` None means that the route
    sees to the size of its bodies itself; `target_bytes_max` is of the address. `only_reads` says that nothing is
    changed whatever the method: a form that another site sent there does no harm, and needs no proof.
    """

    path: str
    methods: tuple[str, ...]
    permission: Permission | None
    action: str | None = None
    is_page: bool = False
    body_bytes_max: int | None = BODY_BYTES_MAX
    only_reads: bool = False
    target_bytes_max: int = TARGET_BYTES_MAX


def page_door(declared: Declared) -> Door:
    """The door of a page. What a page does is audited, whether it gave the action a name (`action`) or not; an empty
    name is for pages that see to it themselves.

    >>> page_door(Door("/cases/{id}/approve", ("POST",), Permission.DECIDE)).action
    'page POST /cases/{id}/approve'
    """
    methods = tuple(declared.methods)
    unsafe = [method for method in methods if method not in {"GET", "HEAD"}]
    named = getattr(declared, "action", None)
    action = f"page {unsafe[0]} {declared.path}" if unsafe and named is None else named or None
    target = getattr(declared, "target_bytes_max", TARGET_BYTES_MAX)
    body = getattr(declared, "body_bytes_max", BODY_BYTES_MAX)
    return Door(
        declared.path, methods, declared.permission, action, is_page=True, body_bytes_max=body, target_bytes_max=target
    )
