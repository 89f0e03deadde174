"""Cookies: what is set at login, taken away at logout, and read back. Nothing but random secrets goes into them.

With TLS the name begins with `__Host-`: browsers then take it from this very host alone, over TLS, for the whole path,
so that a neighbour (another port, a sub-domain) cannot plant one.
"""

from __future__ import annotations

SESSION = "trimtab_session"
VISIT = "trimtab_visit"
"""Ties the login form to a browser that has no session yet."""

COOKIE_CHARS_MAX = 100


def cookie_name(name: str, secure: bool) -> str:
    """The name of a cookie as browsers see it.

    >>> cookie_name(SESSION, True)
    '__Host-trimtab_session'
    """
    return f"__Host-{name}" if secure else name


def set_cookie(name: str, value: str, *, secure: bool, max_age_s: int) -> str:
    """A Set-Cookie header: HttpOnly (no script sees it), SameSite=Lax (no other site's form carries it).

    >>> set_cookie(SESSION, "x", secure=False, max_age_s=60)
    'trimtab_session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Lax'
    """
    protected = "; Secure" if secure else ""
    return f"{cookie_name(name, secure)}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{protected}"


def clear_cookie(name: str, *, secure: bool) -> str:
    """A Set-Cookie header that takes the cookie away."""
    return set_cookie(name, "", secure=secure, max_age_s=0)


def read_cookie(header: str, name: str, *, secure: bool) -> str | None:
    """The value in a Cookie header; None where it is not there, is there twice, or has no form of ours.

    >>> read_cookie("a=1; trimtab_session=abc", SESSION, secure=False)
    'abc'
    >>> read_cookie("trimtab_session=abc; trimtab_session=def", SESSION, secure=False) is None
    True
    """
    wanted = cookie_name(name, secure)
    values = [
        value.strip()
        for part in header.split(";")
        for key, sign, value in [part.partition("=")]
        if sign and key.strip() == wanted
    ]
    if len(values) != 1:
        return None
    value = values[0]
    usable = value.isascii() and value.replace("-", "").replace("_", "").isalnum() and len(value) <= COOKIE_CHARS_MAX
    return value if usable else None
