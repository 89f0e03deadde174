"""Which alerts a matcher means, and matchers as people write them: `severity="page"`, `team=~"shop|cart"`, `zone!=a`.

Regular expressions are RE2's, for the whole value, as in Alertmanager.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

import re2

from trimtab.model.errors import InputError
from trimtab.model.silences import MATCHERS_MAX, Matcher

VALUE_CHARS_MAX = 2000
NAME_CHARS_MAX = 200

_ONE = re.compile(
    r"""\s*(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)\s*(?P<operator>=~|!~|!=|=)\s*
        (?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"{}]*))\s*""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


def matches(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether labels fit all of them.

    >>> matches(matchers_of('severity=~"page|ticket", team!=shop'), {"severity": "page"})
    True
    """
    return all(_fits(matcher, labels.get(matcher.name, "")) for matcher in matchers)


def _fits(matcher: Matcher, value: str) -> bool:
    found = _compiled(matcher.value)(value) if matcher.is_regex else matcher.value == value
    return found is matcher.is_equal


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Callable[[str], bool]:
    options = re2.Options()
    options.log_errors = False
    made = re2.compile(pattern, options)
    return lambda value: made.fullmatch(value) is not None


def check(matcher: Matcher) -> Matcher:
    """The matcher, if it can be one; InputError says why not."""
    if len(matcher.name) > NAME_CHARS_MAX or len(matcher.value) > VALUE_CHARS_MAX:
        raise InputError(
            f"a matcher may have {NAME_CHARS_MAX} characters in its name and {VALUE_CHARS_MAX} in its value",
            field="matchers",
        )
    if matcher.is_regex:
        try:
            _compiled(matcher.value)
        except re2.error as error:
            said = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
            raise InputError(
                f"{matcher.value!r} is no regular expression: {said}", field="matchers", observed=matcher.value[:100]
            ) from None
    return matcher


def matchers_of(text: str) -> tuple[Matcher, ...]:
    """Matchers with commas between them, in braces or not; InputError names what cannot be read.

    >>> [str(one) for one in matchers_of('{alertname="Down", job!~"a.*"}')]
    ['alertname="Down"', 'job!~"a.*"']
    >>> matchers_of('job = "a')
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: cannot read a matcher at 'job = "a': it is NAME="VALUE" with =, !=, =~ or !~
    """
    rest = text.strip()
    if rest.startswith("{") and rest.endswith("}"):
        rest = rest[1:-1]
    found: list[Matcher] = []
    while rest.strip():
        match = _ONE.match(rest)
        if match is None or (match.end() < len(rest) and rest[match.end()] != ","):
            raise InputError(
                f'cannot read a matcher at {rest.strip()[:60]!r}: it is NAME="VALUE" with =, !=, =~ or !~',
                field="matchers",
            )
        quoted, operator = match["quoted"], match["operator"]
        value = match["plain"] if quoted is None else re.sub(r"\\(.)", _unescaped, quoted, flags=re.DOTALL)
        found.append(check(Matcher(match["name"], value, operator.endswith("~"), not operator.startswith("!"))))
        rest = rest[match.end() + 1 :]
    if len(found) > MATCHERS_MAX:
        raise InputError(f"at most {MATCHERS_MAX} matchers, found {len(found)}", field="matchers", limit=MATCHERS_MAX)
    return tuple(found)


def for_silence(matchers: tuple[Matcher, ...]) -> tuple[Matcher, ...]:
    """The same, if they choose something: a silence of everything is refused, as Alertmanager does.

    >>> for_silence(matchers_of('job=~".*"'))
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: at least one matcher has to choose something: these fit alerts without any label
    """
    if matches(matchers, {}):
        raise InputError(
            "at least one matcher has to choose something: these fit alerts without any label", field="matchers"
        )
    return matchers


def _unescaped(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[1], match[0])
