"""Looks for patterns every hour, on a thread of its own, and keeps the last answer: in memory, and in the state."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import structlog

from trimtab.app.patterns.answers import FoundPatterns
from trimtab.app.round_thread import YOUNG_S, InRounds, RoundThread
from trimtab.model.pattern_settings import PatternsPolicy

if TYPE_CHECKING:
    from trimtab.app.forecasting.asking import Asking
    from trimtab.store.state import State

META = "patterns"
FIRST_S = 45.0
"""So long after the start they are looked for first, where none are kept; and again after a look that failed."""
KEPT_BYTES_MAX = 8_000_000
log = structlog.get_logger()


class Patterns(InRounds):
    """Start it, read `now`, stop it. Thread-safe."""

    def __init__(
        self,
        policy: Callable[[], PatternsPolicy],
        state: State,
        asking: Callable[[Callable[[], bool]], Asking],
        now_ms: Callable[[], int],
        publish: Callable[[int], None],
    ) -> None:
        """`asking` makes what is asked; it gets what says whether nobody waits any more. `publish` hears of each
        round."""
        self._policy, self._state, self._now_ms, self._publish = policy, state, now_ms, publish
        self._thread = RoundThread("patterns", self.look, self._is_due, lambda: FIRST_S, first_s=FIRST_S)
        self._asking = asking(self._thread.is_stopping)
        self._one_at_a_time = threading.Lock()
        self._now: FoundPatterns | None = None

    @property
    def now(self) -> FoundPatterns:
        """What was found last; nothing where nobody looked yet."""
        if self._now is None:
            self._now = self._kept()
        return self._now

    @property
    def is_enabled(self) -> bool:
        """Whether they are looked for."""
        return self._policy().enabled

    def look(self) -> FoundPatterns:
        """Look now, and keep what was found. One look at a time."""
        from trimtab.app.patterns.rounds import Round

        with self._one_at_a_time:
            answer = Round(self._policy(), self._asking, self._now_ms(), self._thread.is_stopping).look()
            if self._thread.is_stopping():
                return answer
            self._now = answer
            text = msgspec.json.encode(answer).decode()
            if len(text) <= KEPT_BYTES_MAX:
                self._state.set_meta(META, text)
            else:
                log.warning("patterns_not_kept", bytes=len(text), bytes_max=KEPT_BYTES_MAX)
        self._publish(self._now_ms())
        return answer

    def _is_due(self) -> bool:
        policy, at_ms = self._policy(), self.now.at_ms
        every_s = policy.every_s if self.now.looked_at else min(policy.every_s, YOUNG_S)
        return policy.enabled and (at_ms is None or (self._now_ms() - at_ms) / 1000 >= every_s)

    def _kept(self) -> FoundPatterns:
        """What the last process found; one of another form is as if there were none."""
        text = self._state.meta(META)
        if text is None:
            return FoundPatterns()
        try:
            return msgspec.json.decode(text, type=FoundPatterns)
        except msgspec.ValidationError as error:
            log.info("patterns_of_another_form", reason=str(error))
            return FoundPatterns()
