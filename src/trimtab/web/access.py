"""What a page asks of its visitor: a permission. The guard of the server checks it first; here it is checked again."""

from __future__ import annotations

from starlette.requests import Request

from trimtab.model.access import Permission, Principal
from trimtab.model.errors import TrimtabError
from trimtab.web.view import principal_of


class Forbidden(TrimtabError):
    """The visitor is known, and may not do that; `facts["permission"]` is what would be needed."""


class NotSignedIn(TrimtabError):
    """Nobody is signed in."""


def require(request: Request, permission: Permission) -> Principal:
    """The visitor, if they may; NotSignedIn or Forbidden otherwise."""
    principal = principal_of(request)
    if principal is None:
        raise NotSignedIn("sign in first", permission=permission.value)
    if not principal.may(permission):
        raise Forbidden(
            f"{principal.name} is {principal.role.value} here, and this needs the permission to {permission.value}",
            permission=permission.value,
            role=principal.role.value,
        )
    return principal
