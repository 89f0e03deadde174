"""Tokens as Elasticsearch's clients send them: as the password of anybody, or as an API key of any id.

Only under /elasticsearch/: a browser keeps such passwords and sends them by itself, which must open nothing else.
"""

from __future__ import annotations

import base64

PREFIX = "/elasticsearch"


def token_of(scheme: str, credentials: str, path: str) -> str | None:
    """The token in what stands behind a scheme of the Authorization header; None where there is none.

    >>> token_of("Bearer", "tt_abc", "/v1/logs"), token_of("Basic", "Zmx1ZW50OnR0X2FiYw==", "/v1/logs")
    ('tt_abc', None)
    >>> token_of("Basic", "Zmx1ZW50OnR0X2FiYw==", "/elasticsearch/_bulk")
    'tt_abc'
    >>> token_of("ApiKey", "YW55OnR0X2FiYw==", "/elasticsearch/_bulk")
    'tt_abc'
    """
    credentials = credentials.strip()
    kind = scheme.lower()
    if kind == "bearer":
        return credentials or None
    if kind not in {"basic", "apikey"} or not (path == PREFIX or path.startswith(f"{PREFIX}/")):
        return None
    try:
        text = base64.b64decode(credentials, validate=True).decode()
    except ValueError:
        return None
    return text.partition(":")[2] or None
