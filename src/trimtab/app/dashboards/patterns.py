"""Regular expressions as Grafana writes them (`/^node(.*)$/i`, or bare), read by an engine that cannot run away."""

from __future__ import annotations

import re2

from trimtab.model.errors import InputError

PATTERN_CHARS_MAX = 1_000


def pattern_of(written: str) -> re2._Regexp[str]:
    """The pattern, which searches; a bare text has to match the whole. InputError where it cannot be read.

    >>> [bool(pattern_of(one).search("abc")) for one in ("/^a/", "a", "/B/i")]
    [True, False, True]
    >>> pattern_of("/(?<=x)y/")
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: the pattern '/(?<=x)y/' cannot be read: ...
    """
    if len(written) > PATTERN_CHARS_MAX:
        raise InputError(f"a pattern has at most {PATTERN_CHARS_MAX} characters, this one has {len(written)}")
    body, flags = f"^(?:{written})$", ""
    if written.startswith("/") and (end := written.rfind("/")) > 0:
        body, flags = written[1:end], written[end + 1 :]
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = "i" not in flags
    options.dot_nl = "s" in flags
    try:
        return re2.compile(body.replace("(?<", "(?P<") if "(?<=" not in body and "(?<!" not in body else body, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        raise InputError(
            f"the pattern {written[:80]!r} cannot be read: {said.decode() if isinstance(said, bytes) else said}"
        ) from None
