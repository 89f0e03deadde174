"""For each rule of the lint a statement that it must speak of, and one that it must not: asked of real servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SHOP = (
    "CREATE TABLE orders (id bigint PRIMARY KEY, customer int, status varchar(10), total numeric, at timestamptz,"
    " note text) WITH (autovacuum_enabled = off)",
    "INSERT INTO orders SELECT i, (i * 7919) % 5000, CASE WHEN i % 20 = 0 THEN 'open' ELSE 'done' END, (i * 31) % 9973,"
    " timestamptz '2026-01-01' + i * interval '1 minute', repeat(md5(i::text), 5) FROM generate_series(1, 40000) i",
    "CREATE INDEX orders_at ON orders (at)",
    "CREATE TABLE customers (id int PRIMARY KEY, name text, email text, city text, country text)"
    " WITH (autovacuum_enabled = off)",
    "INSERT INTO customers SELECT i, 'name ' || i, 'c' || i || '@x.org', 'city ' || i % 20, 'country ' || i % 20"
    " FROM generate_series(1, 20000) i",
    "CREATE INDEX customers_email ON customers (email)",
    "CREATE TABLE lines (id int, order_id int, kind int) WITH (autovacuum_enabled = off)",
    "INSERT INTO lines SELECT i, (i * 17) % 3000, i % 10 FROM generate_series(1, 3000) i",
    "CREATE TABLE docs (id int PRIMARY KEY, words tsvector) WITH (autovacuum_enabled = off)",
    "INSERT INTO docs SELECT i, to_tsvector('simple', 'alpha w' || i || CASE WHEN i % 3 = 0 THEN ' x beta' ELSE '' END)"
    " FROM generate_series(1, 6000) i",
    "CREATE INDEX docs_words ON docs USING gin (words)",
    "CREATE TABLE visits (id int, page int) WITH (autovacuum_enabled = off)",
    "INSERT INTO visits SELECT i, i % 10 FROM generate_series(1, 20000) i",
    "CREATE INDEX visits_page ON visits (page)",
    "CREATE TABLE events (id int, at date, kind text) PARTITION BY RANGE (at)",
    *(
        f"CREATE TABLE events_{day} PARTITION OF events FOR VALUES FROM ('2026-01-0{day}') TO ('2026-01-0{day + 1}')"
        for day in range(1, 7)
    ),
    "INSERT INTO events SELECT i, date '2026-01-01' + i % 6, CASE WHEN i % 600 = 0 THEN 'rare' ELSE 'usual' END"
    " FROM generate_series(1, 12000) i",
    "CREATE TABLE parents (id int PRIMARY KEY)",
    "CREATE TABLE children (id int, parent int REFERENCES parents) WITH (autovacuum_enabled = off)",
    "INSERT INTO parents SELECT generate_series(1, 3000)",
    "INSERT INTO children SELECT i, 1 + (i * 3) % 1000 FROM generate_series(1, 4000) i",
    "VACUUM ANALYZE orders",
    "VACUUM ANALYZE customers",
    "VACUUM ANALYZE lines",
    "VACUUM ANALYZE docs",
    "ANALYZE visits",
    "ANALYZE events",
    "VACUUM ANALYZE parents",
    "VACUUM ANALYZE children",
    "VACUUM orders",
)
DEFAULTS = {"jit": "off", "max_parallel_workers_per_gather": "0", "random_page_cost": "1.1"}

NO_SEQ = {"enable_seqscan": "off"}
NESTED = {"enable_hashjoin": "off", "enable_mergejoin": "off"}
SMALL = {"work_mem": "1MB"}
TINY = {"work_mem": "64kB"}
LARGE = {"work_mem": "64MB"}
PARALLEL = {
    "max_parallel_workers_per_gather": "2",
    "parallel_setup_cost": "0",
    "parallel_tuple_cost": "0",
    "min_parallel_table_scan_size": "0",
}


@dataclass(frozen=True)
class Case:
    """`fires` under `settings`, `quiet` under `quiet_settings` (default: the same); from a version on."""

    rule: str
    fires: str
    quiet: str
    settings: Mapping[str, str] = field(default_factory=dict)
    quiet_settings: Mapping[str, str] | None = None
    since: int = 13


CASES = (
    Case("rows-thrown-away", "SELECT * FROM orders WHERE customer = 5", "SELECT * FROM orders WHERE id = 5"),
    Case(
        "inefficient-index",
        "SELECT * FROM orders WHERE at >= '2026-01-03' AND customer = 7",
        "SELECT * FROM orders WHERE at >= '2026-01-03' AND at < '2026-01-03 02:00' AND customer = 7",
        NO_SEQ,
    ),
    Case(
        "index-recheck",
        "SELECT * FROM docs WHERE words @@ phraseto_tsquery('simple', 'alpha beta')",
        "SELECT * FROM docs WHERE words @@ to_tsquery('simple', 'beta')",
        NO_SEQ,
    ),
    Case(
        "heap-fetches",
        "SELECT count(page) FROM visits WHERE page = 5",
        "SELECT count(id) FROM orders WHERE id < 5000",
        NO_SEQ | {"enable_bitmapscan": "off"},
        since=14,
    ),
    Case(
        "lossy-bitmap",
        "SELECT sum(total) FROM orders WHERE at >= '2026-01-02' AND total > 10",
        "SELECT sum(total) FROM orders WHERE at >= '2026-01-02' AND total > 10",
        NO_SEQ | TINY | {"enable_indexscan": "off"},
        NO_SEQ | LARGE | {"enable_indexscan": "off"},
    ),
    Case(
        "function-on-column",
        "SELECT * FROM customers WHERE lower(email) = 'c5@x.org'",
        "SELECT * FROM customers WHERE email = lower('C5@x.org')",
    ),
    Case("implicit-cast", "SELECT * FROM orders WHERE id = 5.0", "SELECT * FROM orders WHERE status = 'other'"),
    Case(
        "nested-loop-large-inner",
        "SELECT count(*) FROM children c JOIN lines l ON l.order_id = c.id WHERE c.id <= 200",
        "SELECT count(*) FROM lines l JOIN customers c ON c.id = l.order_id",
        NESTED,
    ),
    Case(
        "cross-join",
        "SELECT count(*) FROM (SELECT * FROM customers WHERE id <= 100) a, lines b",
        "SELECT count(*) FROM customers a JOIN lines b ON b.order_id = a.id",
    ),
    Case(
        "join-filter-throws-away",
        "SELECT count(*) FROM lines a JOIN lines b ON a.kind = b.kind AND a.id + b.id = 77",
        "SELECT count(*) FROM lines a JOIN lines b ON a.id = b.id AND a.kind + b.kind < 50",
        {"enable_nestloop": "off"},
    ),
    Case(
        "memoize-evictions",
        "SELECT count(c.name) FROM orders o JOIN customers c ON c.id = o.customer WHERE o.id <= 20000",
        "SELECT count(c.name) FROM orders o JOIN customers c ON c.id = o.customer WHERE o.id <= 20000",
        NESTED | {"work_mem": "512kB", "hash_mem_multiplier": "1"},
        NESTED | LARGE,
        since=14,
    ),
    Case(
        "misestimate",
        "SELECT * FROM customers WHERE city = 'city 1' AND country = 'country 1'",
        "SELECT * FROM customers WHERE city = 'city 1'",
    ),
    Case("sort-spill", "SELECT * FROM orders ORDER BY note", "SELECT * FROM orders ORDER BY note", SMALL, LARGE),
    Case(
        "hash-spill",
        "SELECT count(*) FROM orders a JOIN orders b ON a.note = b.note",
        "SELECT count(*) FROM orders a JOIN orders b ON a.note = b.note",
        SMALL | {"enable_mergejoin": "off"},
        LARGE | {"enable_mergejoin": "off"},
    ),
    Case(
        "aggregate-spill",
        "SELECT note, count(*) FROM orders GROUP BY note",
        "SELECT note, count(*) FROM orders GROUP BY note",
        SMALL | {"enable_sort": "off"},
        LARGE | {"enable_sort": "off"},
    ),
    Case(
        "store-spill",
        "WITH c AS MATERIALIZED (SELECT * FROM orders) SELECT count(*) FROM c",
        "WITH c AS MATERIALIZED (SELECT * FROM orders) SELECT count(*) FROM c",
        SMALL,
        LARGE,
    ),
    Case(
        "correlated-subplan",
        "SELECT c.id, (SELECT count(*) FROM lines l WHERE l.order_id = c.id) FROM customers c WHERE c.id <= 300",
        "SELECT c.id, count(l.id) FROM customers c LEFT JOIN lines l ON l.order_id = c.id WHERE c.id <= 300 GROUP BY 1",
    ),
    Case(
        "not-in-subplan",
        "SELECT count(*) FROM lines WHERE id NOT IN (SELECT customer FROM orders)",
        "SELECT count(*) FROM lines WHERE id NOT IN (SELECT customer FROM orders)",
        TINY,
        LARGE,
    ),
    Case(
        "cte-fence",
        "WITH c AS MATERIALIZED (SELECT customer, count(*) AS n FROM orders GROUP BY customer)"
        " SELECT * FROM c WHERE customer = 7",
        "WITH c AS NOT MATERIALIZED (SELECT customer, count(*) AS n FROM orders GROUP BY customer)"
        " SELECT * FROM c WHERE customer = 7",
    ),
    Case(
        "offset-cost",
        "SELECT * FROM orders ORDER BY id LIMIT 10 OFFSET 20000",
        "SELECT * FROM orders WHERE id > 20000 ORDER BY id LIMIT 10",
    ),
    Case(
        "sort-for-limit",
        "SELECT * FROM orders WHERE status = 'done' ORDER BY total DESC LIMIT 10",
        "SELECT * FROM orders WHERE status = 'done' ORDER BY at DESC LIMIT 10",
    ),
    Case(
        "partitions-all-read",
        "SELECT * FROM events WHERE kind = 'rare'",
        "SELECT * FROM events WHERE kind = 'rare' AND at = '2026-01-01'",
    ),
    Case(
        "workers-not-launched",
        "SELECT count(*) FROM orders WHERE total > 100",
        "SELECT count(*) FROM orders WHERE total > 100",
        PARALLEL | {"max_parallel_workers": "0"},
        PARALLEL | {"max_parallel_workers": "8"},
    ),
    Case(
        "trigger-time",
        "DELETE FROM parents WHERE id > 2700",
        "DELETE FROM children WHERE id > 3900",
    ),
    Case("forbidden-step", "SELECT * FROM lines", "SELECT * FROM orders WHERE id = 5", NO_SEQ),
)
