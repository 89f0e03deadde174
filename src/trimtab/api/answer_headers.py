"""Headers of every answer: what a browser may do with it, whatever is in it.

There is no HSTS: it would bind all ports of the host to TLS, also those of other programs.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing from elsewhere, nothing inline, no frame around it."""

ALWAYS: tuple[tuple[str, str], ...] = (
    ("Content-Security-Policy", CONTENT_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


def protect(headers: MutableHeaders) -> None:
    """Put them on an answer. What is seen here is kept by no cache, unless the answer says otherwise."""
    for name, value in ALWAYS:
        headers[name] = value
    headers.setdefault("Cache-Control", "no-store")
