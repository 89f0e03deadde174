"""Taking in bodies of telemetry over HTTP, piece by piece and within limits."""

from __future__ import annotations

from starlette.requests import Request

from trimtab.observe.otlp import BodyTooLong
from trimtab.observe.room import Claim

RETRY_AFTER_S = 5
"""What a sender is told to wait when something is full."""


async def receive(request: Request, claim: Claim, bytes_max: int) -> bytes:
    """The body as it was sent; its bytes are claimed as they come. BodyTooLong, NoRoom, ClientDisconnect."""
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and (len(length) > 15 or int(length) > bytes_max):
        raise BodyTooLong(f"a body may have {bytes_max} bytes; this one has {length}", limit=bytes_max, observed=length)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise BodyTooLong(
                f"a body may have {bytes_max} bytes; this one has more", limit=bytes_max, observed=len(body)
            )
        claim.grow_to(len(body))
    return bytes(body)


def media_type(request: Request) -> str:
    """The content type without its parameters, in small letters."""
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()


def sender_of(request: Request) -> str:
    """Who sends: the name of the token, or of whoever is on this machine."""
    principal = request.scope.get("trimtab.principal")
    return "anyone" if principal is None else str(principal.name)
