"""What is stored in place of a statement that a span carries: no literal of a user's reaches the disk's tables."""

from __future__ import annotations

import re

from trimtab.sql.fingerprint import TEXT_CHARS_MAX, fingerprint, normalise

_COMMENT = re.compile(
    r"""
      (?P<kept> '(?:[^']|'')*' | "(?:[^"]|"")*" | (?P<tag>\$\w*\$).*?(?P=tag) )
    | --[^\n]* | /\*.*?(?:\*/|$)
    """,
    re.VERBOSE | re.DOTALL,
)
_LITERAL = re.compile(
    r"""
      '(?:[^'\\]|''|\\.)*(?:'|$)          # a string, also one that is cut off
    | "(?:[^"\\]|""|\\.)*(?:"|$)          # a name in PostgreSQL, a string elsewhere
    | (?P<tag>\$\w*\$).*?(?:(?P=tag)|$)   # a dollar-quoted string
    | (?<![\w$])[-+]?\d[\w.]*             # a number
    """,
    re.VERBOSE | re.DOTALL,
)


def without_comments(text: str) -> str:
    """The text without its comments: drivers put trace ids and users' names there.

    >>> without_comments("SELECT '--x' /* traceparent=1 */ FROM t -- by me")
    "SELECT '--x' FROM t"
    """
    return re.sub(r"[ \t]+", " ", _COMMENT.sub(_kept, text)).strip() if "--" in text or "/*" in text else text


def _kept(match: re.Match[str]) -> str:
    return match.group("kept") or ""


def stored_statement(text: str) -> tuple[str, str]:
    """The text to store and its fingerprint; the fingerprint is '' where PostgreSQL's parser refuses the text.

    >>> stored_statement("SELECT * FROM t WHERE a = %s AND b = 'x'")[0]
    'SELECT * FROM t WHERE a = $1 AND b = $2'
    >>> stored_statement("HGET user:17 'my name' field")
    ('HGET user:? ? field', '')
    >>> stored_statement("")
    ('', '')
    """
    text = without_comments(text)
    if not text.strip():
        return "", ""
    mark = fingerprint(text)
    if mark is None:
        return _LITERAL.sub("?", text)[:TEXT_CHARS_MAX], ""
    return normalise(text)[:TEXT_CHARS_MAX], mark
