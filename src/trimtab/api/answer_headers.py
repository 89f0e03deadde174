"""Headers of every answer: what a browser may do with it, whatever is in it.

There is no HSTS: it would bind all ports of the host to TLS, also those of other programs.
"""

from __future__ import annotations

from collections.abc import Iterable

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


Raw = tuple[bytes, bytes]
"""A header as it is sent: its name in small letters."""

_RAW: tuple[Raw, ...] = tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in ALWAYS)
_NAMES = frozenset(name for name, _ in _RAW)
_CACHE_CONTROL = b"cache-control"


def protected(headers: Iterable[Raw]) -> list[Raw]:
    """An answer's headers with these. What is seen here is kept by no cache, unless the answer says otherwise.

    >>> [value for name, value in protected([(b"x-frame-options", b"ALLOWALL")]) if name == b"x-frame-options"]
    [b'DENY']
    """
    kept = [(name, value) for name, value in headers if name.lower() not in _NAMES]
    is_cached = any(name.lower() == _CACHE_CONTROL for name, _ in kept)
    return [*kept, *_RAW] if is_cached else [*kept, *_RAW, (_CACHE_CONTROL, b"no-store")]
