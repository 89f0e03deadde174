"""Statistics on expressions: proposed where the planner is far off, tried on a clone, never made on the system."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from click.testing import CliRunner

from demo.cluster import Cluster
from tests.conftest import Database
from trimtab.advise.workload.advisor import WorkloadSettings, advise_workload
from trimtab.advise.workload.statements import read_statements
from trimtab.cli.main import main
from trimtab.sql.connect import Reference

pytestmark = pytest.mark.postgres

FEW = "SELECT count(*) FROM trips t JOIN cars c ON c.id = t.car WHERE (t.id % 4) = 1 AND t.km < 0"


@pytest.fixture(scope="module")
def trips(cluster: Cluster) -> Iterator[Database]:
    cluster.execute("CREATE DATABASE advise_trips")
    made = Database(cluster, "advise_trips")
    made.execute(
        "CREATE EXTENSION hypopg",
        "CREATE TABLE cars AS SELECT i AS id, md5(i::text) AS name FROM generate_series(1, 3000) i",
        "ALTER TABLE cars ADD PRIMARY KEY (id)",
        "CREATE TABLE trips AS SELECT i AS id, i % 3000 AS car, i % 50 AS km, repeat('x', 60) AS note"
        " FROM generate_series(1, 30000) i",
        "VACUUM ANALYZE cars, trips",
        "GRANT SELECT ON cars, trips TO trimtab_watch",
    )
    yield made
    cluster.execute("DROP DATABASE advise_trips WITH (FORCE)")


def advised(database: Database, text: str) -> tuple[str, ...]:
    with Reference.parse(database.dsn("trimtab_watch")).connect("trimtab/advise") as connection:
        advice = advise_workload(connection, *read_statements(text), settings=WorkloadSettings(budget_bytes=8192))
    return tuple(one.ddl for one in advice.statistics)


def test_they_are_proposed_where_the_planner_is_far_off(trips: Database) -> None:
    made = advised(trips, FEW)
    assert len(made) == 1
    assert made[0].startswith("CREATE STATISTICS public.trips_id_4_")
    assert made[0].endswith(" ON (id % 4) FROM public.trips")
    trips.execute(made[0], "ANALYZE trips")
    try:
        assert advised(trips, FEW) == (), "they are there"
    finally:
        trips.execute("DROP STATISTICS " + made[0].split()[2])


def test_a_clone_says_what_they_change(trips: Database) -> None:
    arguments = ["advise", trips.dsn(), "--workload", "-", "--budget", "8192B", "--clone", "make", "--clone-time", "4s"]
    done = CliRunner().invoke(main, [*arguments, "--format", "json"], input=f"-- name: few\n{FEW};")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert [one["queries"] for one in document["statistics"]] == [["few"]]
    tried = document["verification"]["statistics"]
    assert [one["ddl"] for one in tried] == [one["ddl"] for one in document["statistics"]]
    assert [each["query"] for each in tried[0]["per_query"]] == ["few"]
    assert tried[0]["said"]
    with psycopg.connect(trips.dsn()) as look:
        assert look.execute("SELECT count(*) FROM pg_statistic_ext").fetchone() == (0,)
