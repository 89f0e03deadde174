-- A small skewed shop with awkward corners. Everything is a function of i: the same rows every time.
SET synchronous_commit = on;
CREATE FUNCTION u(i bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
  $$ SELECT (('x' || substr(md5(i::text || ':' || salt::text), 1, 8))::bit(32)::bigint) / 4294967296.0 $$;

CREATE TABLE users (
    id int PRIMARY KEY, tenant_id int NOT NULL, email text NOT NULL, name varchar(80), country char(2) NOT NULL,
    active boolean NOT NULL, deleted_at timestamptz, created_at timestamptz NOT NULL);
INSERT INTO users SELECT i, (100 * u(i, 1) ^ 3)::int, 'User' || i || '@Example.org', 'Name ' || (i % 5000),
    (ARRAY['DE','FR','PL','SE','US'])[1 + (i % 5)], u(i, 2) < 0.9, CASE WHEN u(i, 3) < 0.98 THEN timestamptz '2026-01-01' + i * interval '1 min' END,
    timestamptz '2024-01-01' + i * interval '20 min'
  FROM generate_series(1, 20000) i;

CREATE TABLE orders (
    id bigint PRIMARY KEY, tenant_id int NOT NULL, user_id int NOT NULL, status text NOT NULL, channel text NOT NULL,
    total numeric(10, 2) NOT NULL, weight int, created_at timestamptz NOT NULL, placed_on timestamp NOT NULL,
    paid_at timestamptz, note text NOT NULL, total_cents bigint GENERATED ALWAYS AS ((total * 100)::bigint) STORED);
INSERT INTO orders SELECT i, (100 * u(i, 4) ^ 3)::int, 1 + (20000 * u(i, 5))::int % 20000,
    CASE WHEN u(i, 6) < 0.93 THEN 'done' WHEN u(i, 6) < 0.97 THEN 'shipped' WHEN u(i, 6) < 0.99 THEN 'pending' ELSE 'disputed' END,
    (ARRAY['web','web','web','app','counter'])[1 + (i % 5)], (5 + 900 * u(i, 7) ^ 3)::numeric(10, 2), (u(i, 8) * 1000)::int,
    timestamptz '2025-01-01' + (100000 * u(i, 9))::int * interval '5 min', timestamp '2025-01-01' + i * interval '5 min',
    CASE WHEN u(i, 10) < 0.95 THEN timestamptz '2025-06-01' END, repeat('note ' || (i % 100), 6)
  FROM generate_series(1, 100000) i;

CREATE TABLE items (order_id bigint NOT NULL, product_id int NOT NULL, quantity int NOT NULL, price numeric(10, 2) NOT NULL);
INSERT INTO items SELECT 1 + (i::bigint * 7919) % 100000, (2000 * u(i, 11) ^ 2)::int, 1 + i % 4, (1 + 50 * u(i, 12))::numeric(10, 2)
  FROM generate_series(1, 150000) i;

CREATE TABLE events (
    id bigint PRIMARY KEY, user_id int NOT NULL, kind text NOT NULL, payload jsonb NOT NULL, tags text[] NOT NULL,
    at timestamptz NOT NULL);
INSERT INTO events SELECT i, 1 + (20000 * u(i, 13))::int % 20000, CASE WHEN i % 20 = 0 THEN 'buy' ELSE 'view' END,
    jsonb_build_object('path', '/p/' || (i % 3000), 'session', md5(i::text), 'level', i % 4), ARRAY['t' || (i % 50), 'x'],
    timestamptz '2026-01-01' + i * interval '1 min'
  FROM generate_series(1, 60000) i;

CREATE SCHEMA "Big Shop";
CREATE TABLE "Big Shop"."Order Lines" ("Id" int PRIMARY KEY, "User" text NOT NULL, "select" int NOT NULL, "order" timestamptz NOT NULL);
INSERT INTO "Big Shop"."Order Lines" SELECT i, 'u' || (i * 31 % 4000), i % 700, timestamptz '2026-01-01' + i * interval '1 min'
  FROM generate_series(1, 40000) i;

CREATE SCHEMA archive;
CREATE TABLE archive.old_orders (LIKE orders INCLUDING GENERATED);
INSERT INTO archive.old_orders (id, tenant_id, user_id, status, channel, total, weight, created_at, placed_on, paid_at, note)
  SELECT id, tenant_id, user_id, status, channel, total, weight, created_at - interval '5 years', placed_on, paid_at, 'x' FROM orders WHERE id <= 40000;

CREATE TABLE metrics (id bigint NOT NULL, host text NOT NULL, at date NOT NULL, value int NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE metrics_1 PARTITION OF metrics FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE metrics_2 PARTITION OF metrics FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO metrics SELECT i, 'h' || (i % 900), date '2026-01-01' + i % 59, i % 1000 FROM generate_series(1, 40000) i;

CREATE VIEW open_orders AS SELECT o.id, o.user_id, o.status, o.created_at AS opened_at, lower(u.email) AS mail
  FROM orders o JOIN users u ON u.id = o.user_id WHERE o.paid_at IS NULL;

CREATE TABLE no_key (a int, b text);
INSERT INTO no_key SELECT i % 5000, 'b' || i FROM generate_series(1, 40000) i;
CREATE TABLE empty_table (a int, b text);
CREATE TABLE never_analysed (a int, b text) WITH (autovacuum_enabled = off);
INSERT INTO never_analysed SELECT i % 5000, 'b' || i FROM generate_series(1, 40000) i;

CREATE INDEX items_product ON items (product_id);
CREATE INDEX users_created ON users (created_at DESC);
DROP FUNCTION u(bigint, int);
VACUUM ANALYZE users;
VACUUM ANALYZE orders;
VACUUM ANALYZE items;
VACUUM ANALYZE events;
VACUUM ANALYZE metrics;
VACUUM ANALYZE "Big Shop"."Order Lines";
VACUUM ANALYZE archive.old_orders;
VACUUM ANALYZE no_key;
VACUUM ANALYZE empty_table;
