"""Statements for a cluster, as text: there is no cluster here to run them on. Every migration can be said for one."""

from __future__ import annotations

import re

import pytest

from trimtab.model.errors import StoreError
from trimtab.store.clickhouse.cluster import on_cluster
from trimtab.store.migrate import migrations, statements_of
from trimtab.store.spread import SPREAD

SPREAD_TABLE = """-- Samples.
CREATE TABLE IF NOT EXISTS metric_samples
(
    id UInt64 CODEC(ZSTD(1)),
    at_ms Int64 CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY intDiv(at_ms, 86400000)
ORDER BY (id, at_ms)
SETTINGS ttl_only_drop_parts = 1"""
SPREAD_ON_CLUSTER = [
    """CREATE TABLE IF NOT EXISTS metric_samples_local ON CLUSTER 'main'
(
    id UInt64 CODEC(ZSTD(1)),
    at_ms Int64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/obs/metric_samples', '{replica}')
PARTITION BY intDiv(at_ms, 86400000)
ORDER BY (id, at_ms)
SETTINGS ttl_only_drop_parts = 1""",
    "CREATE TABLE IF NOT EXISTS metric_samples ON CLUSTER 'main' AS metric_samples_local"
    " ENGINE = Distributed('main', 'obs', 'metric_samples_local', cityHash64(id))",
]
SMALL_TABLE = """CREATE TABLE IF NOT EXISTS query_shapes
(
    system LowCardinality(String)
)
ENGINE = ReplacingMergeTree(seen_at_ms)
ORDER BY (system)"""
SMALL_ON_CLUSTER = [
    """CREATE TABLE IF NOT EXISTS query_shapes ON CLUSTER 'main'
(
    system LowCardinality(String)
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/all/obs/query_shapes', '{shard}-{replica}', seen_at_ms)
ORDER BY (system)"""
]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (SPREAD_TABLE, SPREAD_ON_CLUSTER),
        (SMALL_TABLE, SMALL_ON_CLUSTER),
        (
            "ALTER TABLE spans ADD COLUMN IF NOT EXISTS flags UInt32 CODEC(ZSTD(1))",
            [
                "ALTER TABLE spans_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS flags UInt32 CODEC(ZSTD(1))",
                "ALTER TABLE spans ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS flags UInt32",
            ],
        ),
        (
            "ALTER TABLE spans ADD INDEX IF NOT EXISTS by_start started_at_ns TYPE minmax GRANULARITY 1",
            [
                "ALTER TABLE spans_local ON CLUSTER 'main' ADD INDEX IF NOT EXISTS by_start started_at_ns TYPE minmax"
                " GRANULARITY 1"
            ],
        ),
        (
            "ALTER TABLE metric_samples DROP PARTITION 20000",
            ["ALTER TABLE metric_samples_local ON CLUSTER 'main' DROP PARTITION 20000"],
        ),
        (
            "ALTER TABLE query_slices MODIFY TTL toDateTime(intDiv(started_at_ms, 1000)) + INTERVAL 9 DAY",
            [
                "ALTER TABLE query_slices ON CLUSTER 'main' MODIFY TTL toDateTime(intDiv(started_at_ms, 1000))"
                " + INTERVAL 9 DAY"
            ],
        ),
        (
            "DELETE FROM query_slices WHERE spool_segment = {id:UInt64}",
            ["DELETE FROM query_slices ON CLUSTER 'main' WHERE spool_segment = {id:UInt64}"],
        ),
        ("INSERT INTO spans (a) SELECT 1", ["INSERT INTO spans (a) SELECT 1"]),
        ("SELECT max(version) AS version FROM schema_migrations", None),
    ],
)
def test_statements_on_a_cluster(sql: str, expected: list[str] | None) -> None:
    assert on_cluster(sql, "main", "obs") == ([sql] if expected is None else expected)


def test_every_migration_can_be_said_for_a_cluster() -> None:
    made: dict[str, str] = {}
    for _, name, text in migrations():
        for statement in statements_of(text):
            for told in on_cluster(statement, "main", "obs"):
                assert "ON CLUSTER 'main'" in told or told.startswith(("INSERT", "SELECT")), (name, told)
                found = re.match(r"ALTER TABLE (\w+)", told)
                if found and found[1] in SPREAD:  # the Distributed one
                    assert not re.search(r"\b(INDEX|CODEC|SETTING|TTL|PARTITION)\b", told), (name, told)
                if found := re.match(r"CREATE TABLE IF NOT EXISTS (\w+)", told):
                    made[found[1]] = told
    for table in set(SPREAD) & {name.removesuffix("_local") for name in made}:
        assert "Replicated" in made[f"{table}_local"]
        assert "Distributed" in made[table]
        key = SPREAD[table]
        assert f"\n    {key} " in made[f"{table}_local"], f"{table} has no column {key}"


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(StoreError, match="not known how to do this on a cluster: GRANT"):
        on_cluster("GRANT ALL ON *.* TO x", "main", "obs")
    with pytest.raises(StoreError, match="no replicated kind"):
        on_cluster("CREATE TABLE IF NOT EXISTS x (a Int64) ENGINE = Memory", "main", "obs")
    with pytest.raises(StoreError, match="is not renamed on a cluster"):
        on_cluster("EXCHANGE TABLES spans AND spans_new", "main", "obs")
