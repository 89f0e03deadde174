"""Somebody says that what an episode tells is normal: checked here, for pages and the API."""

from __future__ import annotations

from trimtab.app.detecting.keeper import Anomalies
from trimtab.app.persons import check_person
from trimtab.model.anomalies import Mute
from trimtab.model.errors import InputError
from trimtab.model.free_text import reason_of

HOURS_MAX = 24 * 366


def say_normal(
    anomalies: Anomalies,
    episode_id: int,
    by: str,
    reason: str,
    *,
    hours: float | None,
    every_test: bool,
    now_ms: int,
) -> Mute:
    """For so many hours from now on, None: for good. NotFound where there is no such episode."""
    check_person(by)
    said = reason_of(reason)
    if said is None:
        raise InputError("reason: say why this is normal", field="reason")
    if hours is not None and not 0 < hours <= HOURS_MAX:
        raise InputError(f"hours: above 0, up to {HOURS_MAX}, found {hours:g}", field="hours", limit=HOURS_MAX)
    until_ms = None if hours is None else now_ms + round(hours * 3_600_000)
    return anomalies.say_normal(episode_id, by, said, until_ms=until_ms, every_test=every_test)
