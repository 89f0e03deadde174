"""What of traces and logs is not stored: the settings."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.setting import setting


def pattern_problem(text: str) -> str | None:
    """What is wrong with a regular expression, None where nothing is.

    >>> pattern_problem(r"\\d{13,16}"), pattern_problem("(")
    (None, 'it is no regular expression (RE2): missing ): (')
    >>> pattern_problem("x*")
    'it matches where there is nothing'
    """
    import re2

    try:
        pattern = re2.compile(text)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        return f"it is no regular expression (RE2): {reason.decode() if isinstance(reason, bytes) else reason}"
    return "it matches where there is nothing" if pattern.search("") else None


@dataclass(frozen=True, slots=True)
class PrivacyPolicy:
    """Attributes of traces and logs that are left out or masked before anything is stored in the tables. The spool
    has what came until it is loaded, seconds later."""

    attributes_deny: tuple[str, ...] = setting(
        (),
        "Names of attributes that are not stored, of spans, events, links, log records and resources; * is anything, "
        "as in 'http.request.header.*'.",
        low=0,
        high=1000,
        needs_restart=True,
    )
    attributes_allow: tuple[str, ...] = setting(
        (),
        "Where this is not empty, no attributes of spans, events, links and log records are stored but those with "
        "these names.",
        low=0,
        high=1000,
        needs_restart=True,
    )
    mask_patterns: tuple[str, ...] = setting(
        (),
        "What these regular expressions (RE2) match is stored as ***: in values of attributes, names of spans and "
        "events, messages of errors, and in the text of log records.",
        low=0,
        high=100,
        needs_restart=True,
        problem=pattern_problem,
    )
