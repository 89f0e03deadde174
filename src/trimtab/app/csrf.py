"""The proof that a form comes from a page of ours: a secret of the session, under another mask on every page.

The mask keeps the secret from being guessed by the size of packed pages (BREACH).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

_BYTES = 32


def csrf_token(secret: str) -> str:
    """What a form carries: another text each time.

    >>> csrf_token("s") == csrf_token("s"), csrf_fits(csrf_token("s"), "s"), csrf_fits(csrf_token("t"), "s")
    (False, True, False)
    """
    mask = secrets.token_bytes(_BYTES)
    return (mask + _xor(mask, _key(secret))).hex()


def csrf_fits(token: str, secret: str) -> bool:
    """Whether a token was made from this secret. An empty secret fits nothing.

    >>> csrf_fits("", "s"), csrf_fits("zz", "s"), csrf_fits(csrf_token(""), "")
    (False, False, False)
    """
    try:
        sent = bytes.fromhex(token)
    except ValueError:
        return False
    if len(sent) != 2 * _BYTES or not secret:
        return False
    return hmac.compare_digest(_xor(sent[:_BYTES], sent[_BYTES:]), _key(secret))


def _key(secret: str) -> bytes:
    return hashlib.sha256(b"csrf " + secret.encode()).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
