"""A made-up service with many tenants: its tables, and 28 statements with the calls that such a service makes.

What real ones have is there: soft deletes, a queue, e-mail addresses compared without case, JSON payloads, time ranges,
dashboards by day, search in titles, tags in arrays, keyset pages, unread counts, writes. Some 5 million rows; primary
keys only.
"""

from __future__ import annotations

SCHEMA = """
CREATE FUNCTION one_of(count int, i bigint, salt bigint) RETURNS int LANGUAGE sql IMMUTABLE
    AS 'SELECT 1 + (hashint8(i + 1000000000 * salt) & 2147483647) % count';
CREATE TABLE tenants (id int PRIMARY KEY, name text NOT NULL, plan text NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE users (id int PRIMARY KEY, tenant_id int NOT NULL, email text NOT NULL, name text NOT NULL,
    is_active boolean NOT NULL, last_seen_at timestamptz, created_at timestamptz NOT NULL, deleted_at timestamptz);
CREATE TABLE projects (id int PRIMARY KEY, tenant_id int NOT NULL, owner_id int NOT NULL, title text NOT NULL,
    tags text[] NOT NULL, archived boolean NOT NULL, updated_at timestamptz NOT NULL, deleted_at timestamptz);
CREATE TABLE tasks (id bigint PRIMARY KEY, tenant_id int NOT NULL, project_id int NOT NULL, assignee_id int,
    title text NOT NULL, status text NOT NULL, priority int NOT NULL, due_on date, created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL, deleted_at timestamptz);
CREATE TABLE comments (id bigint PRIMARY KEY, task_id bigint NOT NULL, author_id int NOT NULL, body text NOT NULL,
    created_at timestamptz NOT NULL);
CREATE TABLE jobs (id bigint PRIMARY KEY, queue text NOT NULL, state text NOT NULL, run_at timestamptz NOT NULL,
    attempts int NOT NULL, locked_by text, payload jsonb NOT NULL);
CREATE TABLE events (id bigint PRIMARY KEY, tenant_id int NOT NULL, user_id int NOT NULL, kind text NOT NULL,
    payload jsonb NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE invoices (id int PRIMARY KEY, tenant_id int NOT NULL, number text NOT NULL, amount numeric(12,2) NOT NULL,
    status text NOT NULL, due_on date NOT NULL, paid_at timestamptz);
CREATE TABLE notifications (id bigint PRIMARY KEY, user_id int NOT NULL, kind text NOT NULL, body text NOT NULL,
    read_at timestamptz, created_at timestamptz NOT NULL);
"""

ROWS = """
INSERT INTO tenants SELECT i, 'tenant ' || i, (ARRAY['free','team','business'])[1 + i % 3],
    timestamptz '2024-01-01' + i * interval '1 hour' FROM generate_series(1, 2000) i;
INSERT INTO users SELECT i, one_of(2000, i, 1), 'User' || i || '@Example' || (i % 97) || '.org', 'user ' || i,
    i % 10 <> 0, CASE WHEN i % 4 = 0 THEN NULL ELSE timestamptz '2026-06-01' - (i % 90000) * interval '1 minute' END,
    timestamptz '2024-01-01' + i * interval '3 minutes', CASE WHEN i % 20 = 0 THEN timestamptz '2026-01-01' END
    FROM generate_series(1, {200000}) i;
INSERT INTO projects SELECT i, one_of(2000, i, 2), one_of({200000}, i, 3),
    (ARRAY['launch','migrate','audit','redesign','budget','hire','train'])[1 + i % 7] || ' ' || md5(i::text),
    ARRAY['t' || (i % 50), 'c' || (i % 3000)], i % 5 = 0, timestamptz '2026-06-01' - (i % 500000) * interval '1 minute',
    CASE WHEN i % 12 = 0 THEN timestamptz '2026-02-01' END FROM generate_series(1, {60000}) i;
INSERT INTO tasks SELECT i, one_of(2000, i, 4), one_of({60000}, i, 5),
    CASE WHEN i % 6 = 0 THEN NULL ELSE one_of({200000}, i, 6) END,
    'task ' || md5(i::text) || CASE WHEN i % 5000 = 0 THEN ' urgent rollback' ELSE '' END,
    CASE WHEN i % 40 = 0 THEN 'open' WHEN i % 41 = 0 THEN 'review' WHEN i % 7 = 0 THEN 'cancelled' ELSE 'done' END,
    i % 5, date '2026-01-01' + (i * 13 % 400)::int, timestamptz '2024-06-01' + i * interval '45 seconds',
    timestamptz '2026-06-01' - (i * 17 % 900000) * interval '1 minute',
    CASE WHEN i % 15 = 0 THEN timestamptz '2026-03-01' END FROM generate_series(1, {1200000}) i;
INSERT INTO comments SELECT i, one_of({1200000}, i, 7), one_of({200000}, i, 8),
    'comment ' || md5(i::text) || md5((i + 1)::text), timestamptz '2024-06-01' + i * interval '40 seconds'
    FROM generate_series(1, {1200000}) i;
INSERT INTO jobs SELECT i, (ARRAY['mail','export','sync','bill'])[1 + i % 4],
    CASE WHEN i > {595000} AND i % 5 = 0 THEN 'queued' WHEN i % 300 = 0 THEN 'failed' ELSE 'done' END,
    timestamptz '2026-05-01' + i * interval '4 seconds', i % 4, CASE WHEN i % 1000 = 1 THEN 'worker ' || (i % 8) END,
    jsonb_build_object('job', i, 'account', 'acc' || (i % 20000)) FROM generate_series(1, {600000}) i;
INSERT INTO events SELECT i, one_of(2000, i, 9), one_of({200000}, i, 10),
    (ARRAY['login','view','view','view','click','click','export','error'])[1 + i % 8],
    jsonb_build_object('path', '/p/' || (i * 37 % 5000), 'ms', i % 900, 'request', md5((i % {900000})::text)),
    timestamptz '2026-01-01' + i * interval '7 seconds' FROM generate_series(1, {1500000}) i;
INSERT INTO invoices SELECT i, one_of(2000, i, 11), 'INV-' || lpad(i::text, 8, '0'), (i % 9000) / 7.0,
    CASE WHEN i % 25 = 0 THEN 'open' WHEN i % 60 = 0 THEN 'overdue' ELSE 'paid' END, date '2025-01-01' + i % 540,
    CASE WHEN i % 25 <> 0 THEN timestamptz '2026-01-01' END FROM generate_series(1, {150000}) i;
INSERT INTO notifications SELECT i, one_of({200000}, i, 12), (ARRAY['mention','due','share'])[1 + i % 3],
    'note ' || md5(i::text), CASE WHEN i % 30 <> 0 THEN timestamptz '2026-05-01' END,
    timestamptz '2025-01-01' + i * interval '50 seconds' FROM generate_series(1, {900000}) i;
"""
"""Numbers in braces are multiplied with the scale."""

WORKLOAD = """
-- name: login
-- calls: 400
SELECT id, tenant_id, is_active FROM users WHERE lower(email) = lower('USER4711@example55.org') AND deleted_at IS NULL;
-- name: user by id
-- calls: 900
SELECT id, name, email FROM users WHERE id = 4711;
-- name: members of a tenant
-- calls: 60
SELECT id, name, last_seen_at FROM users WHERE tenant_id = 77 AND deleted_at IS NULL AND is_active
 ORDER BY name LIMIT 50;
-- name: projects of a tenant
-- calls: 120
SELECT id, title, updated_at FROM projects WHERE tenant_id = 311 AND deleted_at IS NULL AND NOT archived
 ORDER BY updated_at DESC LIMIT 20;
-- name: project search
-- calls: 15
SELECT id, title FROM projects WHERE title ILIKE '%c4ca4238a0%' AND deleted_at IS NULL LIMIT 20;
-- name: projects by tag
-- calls: 10
SELECT id, title FROM projects WHERE tags @> ARRAY['c1234'] AND deleted_at IS NULL;
-- name: open tasks of a project
-- calls: 150
SELECT id, title, priority, due_on FROM tasks WHERE project_id = 4242 AND status IN ('open', 'review')
 AND deleted_at IS NULL ORDER BY priority DESC, due_on;
-- name: my tasks
-- calls: 200
SELECT t.id, t.title, p.title FROM tasks t JOIN projects p ON p.id = t.project_id
 WHERE t.assignee_id = 31338 AND t.status = 'open' AND t.deleted_at IS NULL ORDER BY t.due_on LIMIT 25;
-- name: overdue tasks of a tenant
-- calls: 20
SELECT count(*) FROM tasks WHERE tenant_id = 99 AND status = 'open' AND due_on < date '2026-03-01'
 AND deleted_at IS NULL;
-- name: tasks changed lately
-- calls: 12
SELECT id, title, updated_at FROM tasks WHERE tenant_id = 1200 AND updated_at > timestamptz '2026-05-25 00:00+00'
 ORDER BY updated_at DESC LIMIT 50;
-- name: task page by key
-- calls: 40
SELECT id, title, created_at FROM tasks WHERE tenant_id = 500 AND deleted_at IS NULL
 AND (created_at, id) < (timestamptz '2025-09-01 00:00+00', 900000) ORDER BY created_at DESC, id DESC LIMIT 30;
-- name: comments of a task
-- calls: 180
SELECT c.id, c.body, u.name, c.created_at FROM comments c JOIN users u ON u.id = c.author_id
 WHERE c.task_id = 77777 ORDER BY c.created_at;
-- name: comments of an author
-- calls: 8
SELECT count(*), max(created_at) FROM comments WHERE author_id = 4242;
-- name: next job
-- calls: 300
SELECT id, payload FROM jobs WHERE queue = 'mail' AND state = 'queued' AND run_at <= timestamptz '2026-06-01 00:00+00'
 ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED;
-- name: jobs by state
-- calls: 30
SELECT queue, count(*) FROM jobs WHERE state IN ('queued', 'failed') GROUP BY queue;
-- name: job of an account
-- calls: 10
SELECT id, state FROM jobs WHERE payload->>'account' = 'acc777' ORDER BY run_at DESC LIMIT 5;
-- name: events of a user
-- calls: 50
SELECT id, kind, created_at FROM events WHERE user_id = 3100 AND created_at >= timestamptz '2026-02-01 00:00+00'
 ORDER BY created_at DESC LIMIT 40;
-- name: event of a request
-- calls: 25
SELECT id, kind, payload FROM events WHERE payload->>'request' = md5('4711');
-- name: errors of the last day
-- calls: 20
SELECT tenant_id, count(*) FROM events WHERE kind = 'error' AND created_at >= timestamptz '2026-05-01 00:00+00'
 AND created_at < timestamptz '2026-05-02 00:00+00' GROUP BY tenant_id ORDER BY count(*) DESC LIMIT 10;
-- name: activity by day
-- calls: 4
SELECT date_trunc('day', created_at AT TIME ZONE 'UTC') AS day, count(*) FROM events
 WHERE tenant_id = 42 AND created_at >= timestamptz '2026-03-01 00:00+00' GROUP BY 1 ORDER BY 1;
-- name: slowest pages of a tenant
-- calls: 3
SELECT payload->>'path' AS path, count(*) FROM events WHERE tenant_id = 42 AND kind = 'view'
 AND created_at >= timestamptz '2026-04-20 00:00+00' GROUP BY 1 ORDER BY 2 DESC LIMIT 10;
-- name: open invoices
-- calls: 25
SELECT id, number, amount, due_on FROM invoices WHERE tenant_id = 640 AND status <> 'paid' ORDER BY due_on;
-- name: invoice by number
-- calls: 30
SELECT id, amount, status FROM invoices WHERE number = 'INV-00012345';
-- name: dunning
-- calls: 2
SELECT t.name, sum(i.amount) FROM invoices i JOIN tenants t ON t.id = i.tenant_id
 WHERE i.status = 'overdue' AND i.due_on < date '2025-03-01' GROUP BY t.name ORDER BY 2 DESC LIMIT 20;
-- name: unread notifications
-- calls: 500
SELECT count(*) FROM notifications WHERE user_id = 1234 AND read_at IS NULL;
-- name: notifications of a user
-- calls: 100
SELECT id, kind, body, created_at FROM notifications WHERE user_id = 1234 ORDER BY created_at DESC LIMIT 20;
-- name: read a notification
-- calls: 80
UPDATE notifications SET read_at = now() WHERE id = 123456;
-- name: new event
-- calls: 600
INSERT INTO events VALUES (99000001, 42, 3100, 'view', '{"path": "/p/1"}', timestamptz '2026-06-01 00:00+00');
"""


def statements_of(scale: float) -> list[str]:
    """What makes the tables and fills them at a scale."""
    rows, _, rest = "", "", ROWS
    while "{" in rest:
        before, _, rest = rest.partition("{")
        number, _, rest = rest.partition("}")
        rows += before + str(max(1, int(int(number) * scale)))
    rows += rest
    return [part for part in (SCHEMA + rows).split(";\n") if part.strip()]
