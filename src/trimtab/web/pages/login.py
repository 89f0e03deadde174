"""Coming in and going out: `/login` and `/logout`."""

from __future__ import annotations

from starlette.responses import Response

from trimtab.app.access import SESSION_LONGEST_MS
from trimtab.app.cookies import SESSION, clear_cookie, set_cookie
from trimtab.model.errors import LoginNeeded, TooManyTries
from trimtab.web.pages.frame import Asked, local_path, see_other
from trimtab.web.view import principal_of
from trimtab.web.words import sentence

SESSION_S = SESSION_LONGEST_MS // 1000
NAME_CHARS_MAX = 64
PASSWORD_CHARS_MAX = 1000


def page(asked: Asked) -> Response:
    """The form; who is in already goes on."""
    after = local_path(asked.query("next", "/"))
    if principal_of(asked.request) is not None:
        return see_other(after)
    return _draw(asked, name="", after=after)


def login(asked: Asked) -> Response:
    """Name and password for a session. What was wrong is not told; the name stays in the form."""
    name = asked.form.get("name", "")[: NAME_CHARS_MAX + 1].strip()
    password = asked.form.get("password", "")[: PASSWORD_CHARS_MAX + 1]
    after = local_path(asked.form.get("next", "/"))
    try:
        session = asked.service.access.login(name, password, address_of(asked))
    except LoginNeeded as error:
        return _draw(asked, name=name, after=after, message=sentence(error.message), status=401)
    except TooManyTries as error:
        answer = _draw(asked, name=name, after=after, message=sentence(error.message), status=429)
        answer.headers["Retry-After"] = str(error.facts.get("retry_after_s", 60))
        return answer
    answer = see_other(after)
    cookie = set_cookie(SESSION, session.secret or "", secure=is_secure(asked), max_age_s=SESSION_S)
    answer.headers.append("Set-Cookie", cookie)
    return answer


def logout(asked: Asked) -> Response:
    """End the session. Without one (loopback, token) there is nothing to end."""
    if asked.who.session_id is not None:
        asked.service.access.logout(asked.who.session_id, address_of(asked))
    answer = see_other("/login")
    answer.headers.append("Set-Cookie", clear_cookie(SESSION, secure=is_secure(asked)))
    return answer


def address_of(asked: Asked) -> str:
    """Where the request came from."""
    client = asked.request.client
    return "" if client is None else client.host


def is_secure(asked: Asked) -> bool:
    """Whether it came over TLS."""
    return asked.request.url.scheme == "https"


def _draw(asked: Asked, *, name: str, after: str, message: str | None = None, status: int = 200) -> Response:
    context = {"title": "Sign in", "name": name, "next": after, "message": message}
    return asked.page("login.html", "login", context, ranged=False, status=status)
