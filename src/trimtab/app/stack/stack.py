"""Sets up what a nested configuration wants, tells how it stands, and changes nothing where nothing is new.

The configuration is kept in the state; rules and objectives are made of it whenever they are asked for.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from trimtab.analyze.rules.rule_files import groups_of
from trimtab.app.packs.overriding import Rendered, rendered
from trimtab.app.packs.pack import pack_of
from trimtab.app.packs.shelf import Shelf
from trimtab.app.stack.answers import QUIET, MetricRow, PartRow, StackReport
from trimtab.app.stack.making import alert_of, pack_thresholds, query_of, rendered_stack
from trimtab.app.stack.reading import Metric, StackConfig, read_config
from trimtab.app.stack.reasons import Surroundings, reason_of, system_problem
from trimtab.app.stack.rows import Answer, as_in_force, is_broken, pack_detail, row_of
from trimtab.model.errors import InputError, StoreError
from trimtab.store.state import State

META = "stack"
FILE = "stack"
log = structlog.get_logger()


class Kept(msgspec.Struct, frozen=True):
    """The configuration as it was set up last, and the files that were made of it.

    The files count where a newer version cannot read the configuration any more: alerts do not end by an upgrade.
    """

    said: dict[str, object]
    by: str
    at_ms: int
    rules: str = ""
    objectives: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """What the stack asks of a server. `parts` are collectors, notification, dashboards: how they stand, as rows
    (True: something is new).

    `alert_states` says of an alert's name whether it is '', 'pending' or 'firing'; `surroundings` what is watched.
    """

    state: State
    packs: Shelf
    ask: Callable[[Sequence[str]], Sequence[Answer]]
    alert_states: Callable[[], Mapping[str, str]]
    parts: Callable[[StackConfig, bool], list[PartRow]]
    surroundings: Callable[[StackConfig], Surroundings]
    now_ms: Callable[[], int]


class Stack:
    """Thread-safe."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._lock = threading.Lock()
        self._made: tuple[str | None, Mapping[str, Rendered]] = (None, {})
        around.packs.more = self.files

    def files(self) -> Mapping[str, Rendered]:
        """Rules and objectives of the configuration that is set up."""
        text = self._around.state.meta(META)
        before, made = self._made
        if text != before:
            kept = self._kept()
            made = {} if kept is None else {FILE: _files_of(kept)}
            self._made = (text, made)
        return made

    def setup(self, by: str, said: Mapping[str, object], *, dry_run: bool = False) -> StackReport:
        """Set it up; InputError names everything that is wrong, and nothing is changed then."""
        config = read_config(said)
        problem = system_problem(config, self._around.surroundings(config))
        if problem:
            raise InputError(problem, field="system", problems=(problem,))
        with self._lock:
            kept = self._kept()
            changes = self._changes(kept, config)
            if changes and not dry_run:
                files = rendered_stack(config)
                new = Kept(dict(said), by, self._around.now_ms(), files.rules, files.objectives)
                self._around.state.set_meta(META, msgspec.json.encode(new).decode())
                for pack, values in self._pack_choices(kept, config).items():
                    self._around.packs.choose(pack, True if pack in pack_thresholds(config) else None, values)
                self._around.packs.renew()
                log.warning("stack_set_up", by=by, metrics=len(config.metrics), changes=len(changes))
                kept = new
        return self._report(config, kept, changes, dry_run=dry_run)

    def now(self) -> StackReport | None:
        """How what was set up stands; None where nothing was."""
        kept = self._kept()
        return None if kept is None else self._report(read_config(kept.said), kept, None, dry_run=False)

    def remove(self, by: str) -> bool:
        """Take rules and objectives back; False where nothing was set up. Packs stay as they are."""
        with self._lock:
            if self._kept() is None:
                return False
            self._around.state.set_meta(META, None)
            self._around.packs.renew()
            log.warning("stack_removed", by=by)
            return True

    def _kept(self) -> Kept | None:
        text = self._around.state.meta(META)
        try:
            return None if text is None else msgspec.json.decode(text, type=Kept)
        except msgspec.DecodeError as error:
            raise StoreError(f"could not read what was set up from the state: {error}") from error

    # --- what is new

    def _pack_choices(self, kept: Kept | None, config: StackConfig) -> dict[str, dict[str, str | None]]:
        """Thresholds to set, and those of the last time to take back."""
        choices: dict[str, dict[str, str | None]] = {}
        if kept is not None:
            for pack, old in pack_thresholds(_config_of(kept)).items():
                choices[pack] = dict.fromkeys(old)
        for pack, values in pack_thresholds(config).items():
            choices.setdefault(pack, {}).update(values)
        return choices

    def _changes(self, kept: Kept | None, config: StackConfig) -> list[str]:
        """What is other than what is set up, in words."""
        before = StackConfig() if kept is None else _config_of(kept)
        old, new = ({one.name: one for one in some.metrics} for some in (before, config))
        changes = [f"{name}: new, {_wish(metric)}" for name, metric in new.items() if name not in old]
        changes += [f"{name}: not monitored any more" for name in old if name not in new]
        for name, metric in new.items():
            if name in old and old[name] != metric:
                told = (_wish(old[name]), _wish(metric))
                changes.append(f"{name}: {told[0]} → {told[1]}" if told[0] != told[1] else f"{name}: other options")
        for field in ("system", "window", "interval", "wait", "objective_window"):
            pair = (getattr(before, field), getattr(config, field))
            if pair[0] != pair[1]:
                changes.append(f"{'for' if field == 'wait' else field}: {pair[0] or 'none'} → {pair[1] or 'none'}")
        for pack, values in pack_thresholds(config).items():
            now = self._around.packs.named(pack)
            if not now.is_enabled:
                changes.append(f"pack {pack}: on")
            elif any(now.overrides.get(key) != value for key, value in values.items()) and not changes:
                changes.append(f"pack {pack}: thresholds as wanted here")
        return changes

    # --- how it stands

    def _report(
        self, config: StackConfig, kept: Kept | None, changes: list[str] | None, *, dry_run: bool
    ) -> StackReport:
        """`changes` None: nobody asked for any."""
        states = self._around.alert_states()
        recorded = self._recorded_by_packs(config)
        queries = [query_of(metric, config) for metric in config.metrics]
        answers = self._around.ask([_whole(query, recorded) for query in queries])
        around = self._around.surroundings(config)
        rows = [
            row_of(metric, query, answer, states.get(alert_of(metric), ""), reason_of(metric, config, around))
            for metric, query, answer in zip(config.metrics, queries, answers, strict=True)
        ]
        if not dry_run:
            packs = {name: self._around.packs.named(name) for name in pack_thresholds(config)}
            for metric, row in zip(config.metrics, rows, strict=True):
                if metric.kind.pack:
                    as_in_force(row, metric, packs[metric.kind.pack])
                if row.alert_state == QUIET and is_broken(row, metric):
                    row.why = "out of bounds now: the alert begins at the next look of its rule"
        parts = [*self._own_parts(config, dry_run=dry_run), *self._around.parts(config, bool(changes) and not dry_run)]
        return StackReport(
            is_dry_run=dry_run,
            is_changed=bool(changes) and not dry_run,
            changes=changes or [],
            metrics=rows,
            parts=parts,
            said=_said(rows, parts, changes, dry_run=dry_run),
            set_up_by="" if kept is None else kept.by,
            set_up_at_ms=0 if kept is None else kept.at_ms,
        )

    def _recorded_by_packs(self, config: StackConfig) -> list[tuple[str, str]]:
        """What packs record, as expressions: asked for as such, they are there before the first round was."""
        found = []
        for pack, values in pack_thresholds(config).items():
            for group in groups_of(rendered(pack_of(pack), values).rules, pack):
                found += [(rule.name, rule.expr) for rule in group.rules if not rule.is_alert]
        return found[::-1]

    def _own_parts(self, config: StackConfig, *, dry_run: bool) -> list[PartRow]:
        parts = []
        for pack, values in pack_thresholds(config).items():
            now = self._around.packs.named(pack)
            parts.append(PartRow(f"pack {pack}", now.is_enabled, pack_detail(now, values, dry_run=dry_run)))
        problem = self._around.packs.error
        made = rendered_stack(config)
        rules, objectives = (
            text.count(mark) for text, mark in ((made.rules, "\n  - alert: "), (made.objectives, "\n- name: "))
        )
        detail = problem or f"{rules} alerts, {objectives} objectives of their own beside those of packs"
        parts.append(PartRow("rules and objectives", problem is None and not dry_run, detail))
        return parts


def _config_of(kept: Kept) -> StackConfig:
    """What was set up; nothing where this version cannot read it."""
    try:
        return read_config(kept.said)
    except InputError as error:
        log.warning("stack_not_read", reason=error.message)
        return StackConfig()


def _files_of(kept: Kept) -> Rendered:
    config = _config_of(kept)
    return rendered_stack(config) if config.metrics else Rendered(kept.rules, kept.objectives)


def _whole(query: str, recorded: Sequence[tuple[str, str]]) -> str:
    """The query with what is recorded put in, the last first.

    >>> _whole("max(c) > 1", [("c", "a:b + 1"), ("a:b", "up")])
    'max(((up) + 1)) > 1'
    """
    for name, expr in recorded:
        parts = re.split(rf"(?<![\w:]){re.escape(name)}(?![\w:])", query)
        query = f"({expr})".join(parts)
    return query


def _wish(metric: Metric) -> str:
    return (
        f"{metric.kind.wish} {metric.wish:g}" if isinstance(metric.wish, float) else f"{metric.kind.wish} {metric.wish}"
    )


def _said(rows: Sequence[MetricRow], parts: Sequence[PartRow], changes: Sequence[str] | None, *, dry_run: bool) -> str:
    """In one sentence.

    >>> _said([], [], [], dry_run=False), _said([], [], None, dry_run=False)
    ('nothing changed: 0 of 0 metrics have data', '0 of 0 metrics have data')
    """
    measured = sum(row.value is not None for row in rows)
    missing = [part.part for part in parts if not part.is_set_up]
    counted = f"{measured} of {len(rows)} metrics have data"
    if missing and not dry_run:
        counted += f"; not set up: {', '.join(missing)}"
    if changes is None:
        return counted
    if dry_run:
        return f"dry run, nothing was changed: {len(changes)} changes; {counted}"
    return f"{len(changes)} changes: {counted}" if changes else f"nothing changed: {counted}"
