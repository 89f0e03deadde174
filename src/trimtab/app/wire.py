"""Puts the parts together: stores, machine, judge, service."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from trimtab.act.machine import Machine
from trimtab.act.measure import EffectJudge
from trimtab.app.access import Access
from trimtab.app.alerting.alerting import RULES_FOLDER
from trimtab.app.clock import WallClock
from trimtab.app.config import Config
from trimtab.app.config_file import ConfigFile
from trimtab.app.databases import watched_identity
from trimtab.app.disturbances import disturbances
from trimtab.app.local import LocalMeasures
from trimtab.app.objectives.files import OBJECTIVES_FOLDER
from trimtab.app.objectives.opening import budgets_of, open_objectives
from trimtab.app.own.keeper import Own
from trimtab.app.packs.shelf import PACKS_FOLDER, Shelf
from trimtab.app.policies import Policies
from trimtab.app.service import Service
from trimtab.app.table_reach import TableReach
from trimtab.app.watched import Watched
from trimtab.extend import registry
from trimtab.model.errors import InputError, PermissionMissing
from trimtab.model.query import QueryShape
from trimtab.sql.connect import Reference
from trimtab.store.clickhouse import address
from trimtab.store.intake import intake_of
from trimtab.store.metrics.limits import limits_of as metric_limits_of
from trimtab.store.policy_overrides import PolicyOverrides
from trimtab.store.state import State
from trimtab.store.state_database import STATE_FILE
from trimtab.store.telemetry import EmbeddedTelemetry


def open_service(
    config: Config,
    data_dir: Path,
    url: str,
    *,
    login_needed: bool = False,
    config_path: Path | None = None,
    sets_retention: bool = False,
) -> Service:
    """Open both stores under `data_dir` (made with mode 0700) and wire everything on them.

    `config_path` is the file that `config` was read from: it is read again whenever it changes.
    `sets_retention`: telemetry is kept as long as `config` says from now on; else as long as it was, so that a short
    visit drops nothing.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InputError(f"could not make the data directory {data_dir}: {error.strerror}") from error
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise InputError(
            f"the data directory {data_dir} is not writable: give it to the user who runs trimtab, or take another "
            "--data-dir"
        )
    store = None if not config.server.store else address.parse(config.server.store)
    state = State.open(data_dir / STATE_FILE)
    try:
        telemetry = EmbeddedTelemetry.open(
            data_dir,
            retention=config.retention if sets_retention else None,
            metric_limits=metric_limits_of(config.metrics),
            intake=intake_of(config.privacy, config.traces, config.retention),
            address=store,
        )
    except BaseException:
        state.close()
        raise
    stop = threading.Event()
    clock = WallClock(stop)
    watched: dict[str, Watched] = {}

    def shapes_of(system: str) -> Mapping[str, QueryShape]:
        found = watched.get(system)
        if found is not None:
            return found.shapes()
        return {shape.fingerprint: shape for shape in telemetry.shapes(system)}

    judge = EffectJudge(
        telemetry=telemetry,
        shapes_of=shapes_of,
        disturbances=lambda system, change_id: disturbances(state, system, change_id),
    )
    local = LocalMeasures(state)
    actuators = [
        plugin(
            lambda system: connect_to_change(state, system),
            free_bytes=local.free_bytes,
            cpus_count=local.cpus_count,
            watched=lambda system: watched_identity(state.system(system)),
            stopping=stop.is_set,
        )
        for plugin in registry.load(registry.ACTUATORS).values()
    ]
    policies = Policies(ConfigFile(config_path, config, clock.now_ms), PolicyOverrides(state.database), clock.now_ms)
    reach = TableReach(telemetry, shapes_of, clock)
    packs = Shelf(data_dir / PACKS_FOLDER, state, lambda: policies.file.config.packs)
    objectives = open_objectives(
        telemetry,
        state,
        lambda: policies.file.config,
        clock.now_ms,
        data_dir / OBJECTIVES_FOLDER,
        packs.objective_files,
    )
    machine = Machine(
        state,
        actuators,
        judge,
        clock,
        policy_of=policies.of,
        calls_share=reach.share,
        budgets_of=budgets_of(objectives),
    )
    access = Access(state.database, clock.now_ms, login_needed=login_needed)
    own = Own(telemetry, clock)
    kept = data_dir / RULES_FOLDER
    return Service(
        policies, telemetry, state, machine, judge, clock, url, watched, stop, access, own, objectives, kept, packs
    )


def connect_to_change(state: State, system: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A session of the changing role; PermissionMissing where the system was given none."""
    reference = state.system(system).change_reference
    if reference is None:
        raise PermissionMissing(
            f"system {system!r} has no connection for changes: trimtab only looks and proposes there. "
            "Give one with 'trimtab watch DSN --change-dsn DSN'",
            system=system,
        )
    return Reference.parse(reference).connect("trimtab/change", read_only=False, statement_timeout_ms=30_000)
