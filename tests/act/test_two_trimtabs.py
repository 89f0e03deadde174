"""Two trimtabs on one database: they know of each other, and never build at the same time."""

from __future__ import annotations

import psycopg
import pytest

from demo.cluster import Cluster
from tests.act.support import Rig, changing, ours
from tests.conftest import Database
from tests.observe.support import RealClock, Recorder
from trimtab.act.catalogue import take_lock
from trimtab.act.index_identity import BUILDING_KEY
from trimtab.model.errors import ApplyFailed
from trimtab.observe.postgres.status import WatchState
from trimtab.observe.postgres.watcher import PostgresWatcher
from trimtab.sql.connect import Reference

pytestmark = pytest.mark.postgres


def test_while_another_one_builds_a_change_waits_and_is_told_for_whom(rig: Rig) -> None:
    with changing(rig.database)("shop") as other:
        assert take_lock(other, BUILDING_KEY)
        change = rig.propose()
        change = rig.machine.advance(change.id)
        assert change.state == "proposed"
        assert change.reason is not None
        said = f"another trimtab is changing this database (server process {other.info.backend_pid}, from "
        assert change.reason.startswith(said)
    assert rig.until(change.id, "watching").state == "watching"


def test_one_that_began_between_check_and_build_is_not_built_beside(rig: Rig) -> None:
    change = rig.until(rig.propose().id, "checkpointed")
    with changing(rig.database)("shop") as other:
        assert take_lock(other, BUILDING_KEY)
        with pytest.raises(ApplyFailed, match="another trimtab is changing this database"):
            rig.actuator.apply(change, change.undo or {}, rig.policy)
        assert ours(rig.database) == []
        after = rig.machine.advance(change.id)
        assert after.state == "proposed"
        assert ours(rig.database) == []


def test_who_watches_the_same_database_is_seen_and_named(cluster: Cluster, database: Database) -> None:
    watcher = PostgresWatcher(
        "shop",
        Reference.parse(cluster.dsn(database.name, "trimtab_watch")),
        Recorder(),
        RealClock(),
        slice_s=0.05,
        slow_looks_s=0.0,
    )
    try:
        assert watcher.look()
        assert "other_trimtab" not in watcher.status().problems
        name = "trimtab watch 0badcafe"
        with psycopg.connect(cluster.dsn(database.name, "trimtab_watch"), application_name=name):
            watcher.look()
            problem = watcher.status().problems["other_trimtab"]
            assert "another trimtab watches this database, too (0badcafe from " in problem
            assert watcher.status().state is WatchState.DEGRADED
        for _ in range(100):
            watcher.look()
            if "other_trimtab" not in watcher.status().problems:
                break
        assert "other_trimtab" not in watcher.status().problems
    finally:
        watcher._disconnect()
