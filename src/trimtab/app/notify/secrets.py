"""Where a secret stands: in the environment or in a file, read anew each time it is needed. It is never kept."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab.model.errors import MissingError

SECRET_BYTES_MAX = 8192
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A place; this is all of a secret that is shown.

    >>> str(Reference("env", "SLACK_URL"))
    'env:SLACK_URL'
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    def read(self, environment: Mapping[str, str] | None = None) -> str:
        """The secret; MissingError where there is none."""
        if self.kind == "env":
            value = (os.environ if environment is None else environment).get(self.name, "").strip()
            if not value:
                raise MissingError(f"the environment variable {self.name} is not set", variable=self.name)
            return value
        try:
            with Path(self.name).open(encoding="utf-8") as opened:
                value = opened.read(SECRET_BYTES_MAX).strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a text"
            raise MissingError(f"the file {self.name} could not be read: {reason}") from None
        if not value:
            raise MissingError(f"the file {self.name} is empty")
        return value


def in_braces(text: str) -> Reference | None:
    """`${NAME}` as a reference; None for anything else.

    >>> str(in_braces("${TOKEN}")), in_braces("https://hooks.example/T0/B0/x")
    ('env:TOKEN', None)
    """
    found = _VARIABLE.fullmatch(text.strip())
    return None if found is None else Reference("env", found[1])


def of_setting(text: str) -> Reference | None:
    """`env:NAME` or `file:/PATH`; None where there is none."""
    kind, colon, name = text.partition(":")
    return Reference(kind, name) if colon and kind in ("env", "file") and name else None
