"""What a page asks of its visitor: a permission. The guard of the server checks it first; here it is checked again."""

from __future__ import annotations

from starlette.requests import Request

from trimtab.model.access import Permission, Principal
from trimtab.model.errors import LoginNeeded, NotAllowed
from trimtab.web.view import principal_of


def require(request: Request, permission: Permission) -> Principal:
    """The visitor, if they may; LoginNeeded or NotAllowed otherwise."""
    principal = principal_of(request)
    if principal is None:
        raise LoginNeeded("sign in first")
    if not principal.may(permission):
        raise NotAllowed(
            f"{principal.name} has the role {principal.role.value}, which may not {permission.value}",
            permission=permission.value,
        )
    return principal
