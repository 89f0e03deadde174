"""Silences of trimtab's own and of every Alertmanager, looked at and made in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from trimtab.app.notify.alertmanager_api import AlertmanagerApi, ask_all
from trimtab.app.notify.matching import for_silence, matchers_of
from trimtab.model.errors import InputError, NotFound, TrimtabError
from trimtab.model.silences import COMMENT_CHARS_MAX, Silence, SilenceState
from trimtab.store.silences import SilenceBook

OWN = "trimtab"
"""The place of trimtab's own silences, beside the names of Alertmanagers."""
SHOWN_MS = 24 * 3_600_000
"""How long silences that ended are shown."""
LENGTH_MS_MAX = 366 * 86_400_000
NAME_CHARS_MAX = 100


@dataclass(frozen=True, slots=True)
class PlacedSilence:
    """A silence, where it is, and how it stands."""

    place: str
    silence: Silence
    state: SilenceState


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a silence in one place; `problem` says why there is none."""

    place: str
    id: str = ""
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Silences:
    """All that is known. `missing` says by place who could not be asked."""

    silences: tuple[PlacedSilence, ...]
    missing: Mapping[str, str]


class Silencing:
    """Thread-safe."""

    def __init__(
        self,
        book: SilenceBook,
        alertmanagers: Callable[[], Sequence[AlertmanagerApi]],
        now_ms: Callable[[], int],
    ) -> None:
        self._book = book
        self._alertmanagers = alertmanagers
        self._now_ms = now_ms

    def places(self) -> tuple[str, ...]:
        """Where silences can be."""
        return (OWN, *(api.named.name for api in self._alertmanagers()))

    def own_by_id(self) -> dict[str, Silence]:
        """Those of trimtab's own that have not ended."""
        return {one.id: one for one in self._book.silences(self._now_ms())}

    def listed(self) -> Silences:
        """Silences of everywhere that have not ended, or ended today; the one that ends first comes first."""
        at_ms = self._now_ms()
        found = [PlacedSilence(OWN, one, one.state(at_ms)) for one in self._book.silences(at_ms - SHOWN_MS)]
        theirs, missing = ask_all(self._alertmanagers(), AlertmanagerApi.silences)
        for name, silences in theirs.items():
            recent = [one for one in silences if one.ends_at_ms > at_ms - SHOWN_MS]
            found += [PlacedSilence(name, one, one.state(at_ms)) for one in recent]
        order = {SilenceState.ACTIVE: 0, SilenceState.PENDING: 1, SilenceState.EXPIRED: 2}
        found.sort(key=lambda one: (order[one.state], abs(one.silence.ends_at_ms - at_ms), one.place, one.silence.id))
        return Silences(tuple(found), missing)

    def make(
        self,
        by: str,
        matchers: str,
        ends_at_ms: int,
        comment: str,
        *,
        starts_at_ms: int | None = None,
        places: Sequence[str] = (),
    ) -> tuple[Made, ...]:
        """Make one in each of the places (empty: everywhere), and say what became of it in each."""
        at_ms = self._now_ms()
        silence = self._checked(by, matchers, at_ms if starts_at_ms is None else starts_at_ms, ends_at_ms, comment)
        if silence.ends_at_ms <= at_ms:
            raise InputError("a silence has to end in the future", field="ends_at_ms", observed=ends_at_ms)
        apis = {api.named.name: api for api in self._alertmanagers()}
        wanted = tuple(dict.fromkeys(places)) or self.places()
        for place in wanted:
            if place != OWN and place not in apis:
                raise InputError(f"there is no Alertmanager {place[:60]!r} (known: {', '.join(apis)})", field="places")
        return tuple(self._made(place, silence, apis) for place in wanted)

    def _made(self, place: str, silence: Silence, apis: Mapping[str, AlertmanagerApi]) -> Made:
        if place == OWN:
            return Made(OWN, self._book.add(silence).id)
        try:
            starts_at_ms = max(silence.starts_at_ms, self._now_ms())
            return Made(place, apis[place].add_silence(replace(silence, starts_at_ms=starts_at_ms)))
        except TrimtabError as error:
            return Made(place, problem=error.message)

    def expire(self, place: str, number: str) -> None:
        """End one now; NotFound where there is none that has not ended."""
        if place == OWN:
            if not self._book.expire(number, self._now_ms()):
                raise NotFound(f"there is no silence {number[:60]!r} that has not ended", field="silence")
            return
        for api in self._alertmanagers():
            if api.named.name == place:
                api.expire_silence(number)
                return
        raise NotFound(f"there is no Alertmanager {place[:60]!r}", field="place")

    def _checked(self, by: str, matchers: str, starts_at_ms: int, ends_at_ms: int, comment: str) -> Silence:
        found = for_silence(matchers_of(matchers))
        if not by.strip() or len(by) > NAME_CHARS_MAX or not by.isprintable():
            raise InputError(f"by: a name has 1 to {NAME_CHARS_MAX} printable characters", field="by")
        if not comment.strip() or len(comment) > COMMENT_CHARS_MAX:
            raise InputError(
                f"comment: say why, in 1 to {COMMENT_CHARS_MAX} characters; who is woken next has to know",
                field="comment",
            )
        if not 0 < ends_at_ms - starts_at_ms <= LENGTH_MS_MAX:
            raise InputError("a silence lasts longer than 0 and at most 366 days", field="ends_at_ms")
        return Silence("", found, starts_at_ms, ends_at_ms, by, comment.strip())
