"""What people say in their own words: a reason, kept where nobody can shorten it again, and shown on every page."""

from __future__ import annotations

from trimtab.model.errors import InputError

REASON_CHARS_MAX = 500


def reason_of(text: str | None) -> str | None:
    """A reason on one line, None where nothing was said; InputError where it is too long or no text.

    >>> reason_of("not now:\\n  the sale is on "), reason_of("  "), reason_of(None)
    ('not now: the sale is on', None, None)
    """
    said = " ".join((text or "").split())
    if len(said) > REASON_CHARS_MAX:
        raise InputError(
            f"a reason has at most {REASON_CHARS_MAX} characters, this one has {len(said)}: say it in fewer words",
            field="reason",
            limit=REASON_CHARS_MAX,
            observed=len(said),
        )
    if not said.isprintable():
        raise InputError("a reason is text: this one has control characters in it", field="reason")
    return said or None
