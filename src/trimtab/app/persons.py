"""Who did it: a name that goes into a ledger which nobody can shorten again."""

from __future__ import annotations

from trimtab.model.errors import InputError

NAME_CHARS_MAX = 100


def check_person(by: str) -> None:
    """InputError where `by` is no name.

    >>> check_person("dba")
    """
    if not by.strip() or len(by) > NAME_CHARS_MAX or not by.isprintable():
        raise InputError(f"by: a name has 1 to {NAME_CHARS_MAX} printable characters", field="by")
