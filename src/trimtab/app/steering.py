"""What people do about what trimtab may do: override settings, freeze, thaw. Everything is logged with who did it."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from trimtab.app.config_status import SettingNow, setting_now
from trimtab.app.policies import Policies
from trimtab.app.settings import SECTIONS, did_you_mean
from trimtab.extend.contracts import Clock
from trimtab.model.errors import ConflictError, InputError
from trimtab.model.free_text import reason_of
from trimtab.model.policy import GuardPolicy
from trimtab.store.freezes import ALL_KINDS, Freeze, Freezes
from trimtab.store.policy_overrides import ALL_SYSTEMS
from trimtab.store.state import State

KINDS = tuple(name for name, section in SECTIONS.items() if section.kind is GuardPolicy)
"""Kinds of change that there are limits for."""

NO_REASON = "no reason was given"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Steering:
    """Thread-safe. A `system` of None means all systems."""

    state: State
    policies: Policies
    clock: Clock

    def set_override(self, by: str, name: str, value: object, system: str | None) -> SettingNow:
        """Set a setting over what the file says; how it stands afterwards."""
        if system is not None:
            self.state.system(system)
        watched = [known.name for known in self.state.systems()]
        made = self.policies.set(by, name, value, system or ALL_SYSTEMS, watched)
        now = setting_now(self.policies, name, system or ALL_SYSTEMS)
        log.warning("policy_set", by=by, setting=name, system=system, value=made.value, beneath=now.beneath)
        return now

    def clear_override(self, by: str, name: str, system: str | None) -> SettingNow:
        """Take an override back; how the setting stands afterwards."""
        was = self.policies.clear(name, system or ALL_SYSTEMS)
        now = setting_now(self.policies, name, system or ALL_SYSTEMS)
        log.warning("policy_cleared", by=by, setting=name, system=system, value=now.value, before=was.value)
        return now

    def forget(self, system: str) -> None:
        """A system is not watched any more: what was set for it is not for the next one of that name."""
        count = self.policies.forget(system)
        if count:
            log.warning("policy_forgotten", system=system, overrides_count=count)

    def freeze(self, by: str, reason: str | None, system: str | None, kind: str | None) -> None:
        """Nothing new is applied from now on: everywhere, on one system, or of one kind on one system."""
        reason = reason_of(reason)
        if system is None:
            _no_kind(kind)
            self.state.set_kill_switch(f"frozen by {by}{f': {reason}' if reason else ''}")
        else:
            self.state.system(system)
            _check_kind(kind)
            Freezes(self.state.database).freeze(system, kind or ALL_KINDS, reason or NO_REASON, by, self.clock.now_ms())
        log.warning("frozen", by=by, system=system, kind=kind, reason=reason)

    def thaw(self, by: str, system: str | None, kind: str | None) -> None:
        """Allow changes again. Of a system without a kind: all that is frozen there."""
        if system is None:
            _no_kind(kind)
            self.state.set_kill_switch(None)
        else:
            _check_kind(kind)
            freezes = Freezes(self.state.database)
            mine = [one for one in freezes.on() if one.system == system and kind in (None, one.kind)]
            if not mine:
                raise ConflictError(f"{kind or 'nothing'} is {'not ' if kind else ''}frozen on {system!r}")
            for one in mine:
                freezes.thaw(system, one.kind, by, self.clock.now_ms())
        log.warning("thawed", by=by, system=system, kind=kind)

    def freezes(self) -> tuple[Freeze, ...]:
        """What is frozen on single systems."""
        return Freezes(self.state.database).on()


def _no_kind(kind: str | None) -> None:
    if kind is not None:
        raise InputError("a kind of change is frozen on one system: name the system, too", field="system")


def _check_kind(kind: str | None) -> None:
    if kind is not None and kind not in KINDS:
        raise InputError(f"there is no kind of change {kind!r}{did_you_mean(kind, KINDS)}", field="kind")
