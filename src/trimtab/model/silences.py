"""Silences, and the matchers that they, routes and inhibition choose alerts by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MATCHERS_MAX = 20
COMMENT_CHARS_MAX = 1000


class SilenceState(StrEnum):
    """Where a silence stands."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; a label that an alert does not have is the empty text.

    >>> str(Matcher("severity", "page|ticket", is_regex=True)), str(Matcher("team", 'a"b', is_equal=False))
    ('severity=~"page|ticket"', 'team!="a\\\\"b"')
    """

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    @property
    def operator(self) -> str:
        """As Alertmanager writes it."""
        return f"{'=' if self.is_equal else '!'}{'~' if self.is_regex else ('=' if not self.is_equal else '')}"

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.operator}"{escaped}"'


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that fit all matchers are not told from `starts_at_ms` on, until `ends_at_ms` (exclusive)."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at_ms: int
    ends_at_ms: int
    created_by: str
    comment: str

    def state(self, at_ms: int) -> SilenceState:
        """Where it stands then.

        >>> silence = Silence("1", (), 1000, 2000, "anna", "")
        >>> [silence.state(at_ms).value for at_ms in (999, 1000, 1999, 2000)]
        ['pending', 'active', 'active', 'expired']
        """
        if at_ms < self.starts_at_ms:
            return SilenceState.PENDING
        return SilenceState.ACTIVE if at_ms < self.ends_at_ms else SilenceState.EXPIRED
