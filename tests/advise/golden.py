"""What a good adviser says to each query of the shop: the first proposal, or a part of the reason for none."""

from __future__ import annotations

from dataclasses import dataclass

LATE = tuple(f"SELECT id FROM orders WHERE status = 'disputed' AND user_id = {n}" for n in range(1, 11))
QUEUE = ("SELECT id, total FROM orders WHERE status = 'pending' ORDER BY created_at LIMIT 50",) * 8
VARYING = tuple(
    f"SELECT id FROM orders WHERE status = '{s}' AND weight = {n}" for n, s in enumerate(["pending", "disputed"] * 5)
)


@dataclass(frozen=True)
class Golden:
    """`best` are acceptable first proposals as `readable` writes them; `reason` is part of the reason for none."""

    text: str
    best: tuple[str, ...] = ()
    reason: str = ""
    samples: tuple[str, ...] = ()


def helped(text: str, *best: str, samples: tuple[str, ...] = ()) -> Golden:
    """A query that an index helps."""
    return Golden(text, best, samples=samples)


def hopeless(text: str, reason: str) -> Golden:
    """A query that no index helps."""
    return Golden(text, (), reason)


GOLDEN = [
    # composite: equalities, a range, an order
    helped("SELECT * FROM orders WHERE user_id = 77", "public.orders (user_id)"),
    helped("SELECT * FROM orders WHERE weight = 7 AND channel = 'counter'", "public.orders (weight, channel)"),
    helped(
        "SELECT * FROM orders WHERE tenant_id = 5 AND created_at BETWEEN '2025-06-01' AND '2025-06-03'",
        "public.orders (tenant_id, created_at)",
    ),
    helped(
        "SELECT * FROM orders WHERE tenant_id = 0 ORDER BY created_at DESC LIMIT 20",
        "public.orders (tenant_id, created_at)",
    ),
    helped("SELECT * FROM orders WHERE user_id IN (1, 2, 3)", "public.orders (user_id)"),
    helped("SELECT max(weight) FROM orders WHERE channel = 'app'", "public.orders (channel, weight)"),
    helped("SELECT * FROM orders WHERE status = $1 AND user_id = $2 LIMIT $3", "public.orders (user_id)"),
    helped("SELECT * FROM orders WHERE total_cents = 3", "public.orders (total_cents)"),
    helped("SELECT * FROM no_key WHERE a = 5", "public.no_key (a)"),
    # orders of every direction
    helped(
        "SELECT id FROM orders ORDER BY weight DESC NULLS LAST, id LIMIT 10",
        "public.orders (weight DESC NULLS LAST, id)",
    ),
    helped("SELECT id FROM orders ORDER BY weight NULLS FIRST LIMIT 10", "public.orders (weight NULLS FIRST)"),
    helped(
        "SELECT * FROM orders WHERE (created_at, id) > ('2025-12-01', 5) ORDER BY created_at, id LIMIT 20",
        "public.orders (created_at, id)",
        "public.orders (created_at)",
    ),
    helped(
        "SELECT DISTINCT ON (user_id) user_id, created_at FROM orders ORDER BY user_id, created_at DESC",
        "public.orders (user_id, created_at DESC)",
    ),
    # joins, subqueries, other names for things
    helped(
        "SELECT o.id, u.email FROM orders o JOIN users u ON u.id = o.user_id WHERE u.id = 55", "public.orders (user_id)"
    ),
    helped("SELECT * FROM items i JOIN orders o ON o.id = i.order_id WHERE o.id = 91", "public.items (order_id)"),
    helped(
        "WITH recent AS (SELECT * FROM orders WHERE user_id = 12) SELECT count(*) FROM recent WHERE status = 'done'",
        "public.orders (user_id)",
    ),
    helped(
        "SELECT s.id FROM (SELECT id, user_id AS who FROM orders) s WHERE s.who = 5 ORDER BY s.id",
        "public.orders (user_id)",
    ),
    helped(
        "SELECT user_id FROM open_orders v WHERE v.opened_at = '2025-03-01'",
        "public.orders (created_at) WHERE paid_at IS NULL",
    ),
    helped("SELECT * FROM archive.old_orders WHERE user_id = 9", "archive.old_orders (user_id)"),
    helped("SELECT * FROM old_orders o WHERE o.user_id = 9", "archive.old_orders (user_id)"),
    helped(
        "SELECT n.id FROM orders n JOIN archive.old_orders o ON o.id = n.id WHERE n.id = 5 AND o.user_id > 0",
        "archive.old_orders (id)",
    ),
    helped(
        """SELECT * FROM "Big Shop"."Order Lines" WHERE "User" = 'u31' AND "select" > 5""",
        '"Big Shop"."Order Lines" ("User")',
    ),
    helped(
        'SELECT "order" FROM "Big Shop"."Order Lines" l WHERE l."select" = 3 ORDER BY l."order" LIMIT 5',
        '"Big Shop"."Order Lines" ("select", "order")',
    ),
    helped("SELECT * FROM orders WHERE user_id = 7 OR id = 9", "public.orders (user_id)"),
    # expressions
    helped("SELECT * FROM users WHERE lower(email) = 'user77@example.org'", "public.users ((lower(email)))"),
    helped("SELECT * FROM users WHERE lower(email) = $1", "public.users ((lower(email)))"),
    helped(
        "SELECT x.mail FROM (SELECT lower(email) AS mail FROM users) x WHERE x.mail = 'user9@example.org'",
        "public.users ((lower(email)))",
    ),
    helped("SELECT * FROM events WHERE payload->>'session' = 'abc'", "public.events ((payload ->> 'session'))"),
    helped("SELECT * FROM orders WHERE date(placed_on) = '2025-05-05'", "public.orders ((date(placed_on)))"),
    helped("SELECT * FROM users WHERE email LIKE 'User777%'", "public.users (email)"),
    # partial: what is constant by the shape, or by enough statements
    helped(
        "SELECT id FROM orders WHERE paid_at IS NULL AND status = 'disputed'",
        "public.orders (status) WHERE paid_at IS NULL",
    ),
    helped(LATE[0], "public.orders (user_id)", "public.orders (user_id) WHERE status = 'disputed'", samples=LATE),
    helped(QUEUE[0], "public.orders (created_at) WHERE status = 'pending'", samples=QUEUE),
    helped(QUEUE[0], "public.orders (status, created_at)", "public.orders (status)"),
    helped(VARYING[0], "public.orders (weight)", "public.orders (weight, status)", samples=VARYING),
    # writes find their rows as well
    helped("UPDATE orders SET note = 'x' WHERE user_id = 4 AND status = 'pending'", "public.orders (user_id)"),
    helped("DELETE FROM items WHERE order_id = 7", "public.items (order_id)"),
    helped("SELECT * FROM orders WHERE user_id = 8 FOR UPDATE SKIP LOCKED", "public.orders (user_id)"),
    helped("INSERT INTO no_key SELECT weight, note FROM orders WHERE user_id = 9", "public.orders (user_id)"),
    # nothing helps, or nothing is allowed
    hopeless("SELECT status, count(*), sum(total) FROM orders GROUP BY status", "the planner uses none"),
    hopeless("SELECT count(*) FROM orders", "No condition, join or order"),
    hopeless("SELECT * FROM users WHERE email ILIKE '%77@%'", "ILIKE"),
    hopeless("SELECT * FROM users WHERE email LIKE '%77@Example.org'", "LIKE with a leading wildcard"),
    hopeless("SELECT * FROM events WHERE tags @> ARRAY['t7']", "@>"),
    hopeless("SELECT * FROM events WHERE 't7' = ANY(tags)", "= ANY"),
    hopeless("SELECT * FROM orders WHERE status = 'done'", "the planner uses none"),
    hopeless("SELECT * FROM orders WHERE total - weight > 800", "proposals start below 0.8"),
    hopeless("SELECT * FROM orders WHERE date(created_at) = '2025-05-05'", "must be marked IMMUTABLE"),
    hopeless("SELECT * FROM events WHERE payload->>$1 = $2", "holds a parameter"),
    hopeless("SELECT * FROM items WHERE product_id = 7", "items_product is there and serves it"),
    hopeless("SELECT * FROM users WHERE created_at > '2024-09-30'", "users_created is there and serves it"),
    hopeless("SELECT * FROM empty_table WHERE a = 5", "reading it whole is cheap"),
    hopeless("SELECT * FROM metrics WHERE host = 'h7'", "build it on each partition"),
    hopeless("SELECT * FROM orders WHERE user_id = 7 OR total_cents = 900", "Only together"),
    hopeless("SELECT * FROM nowhere WHERE a = 5", "this database has no nowhere"),
    hopeless("SELEC 1", "parser refuses"),
    hopeless("CREATE TABLE x (a int)", "CREATE TABLE finds no rows"),
    hopeless("INSERT INTO no_key VALUES (1, 'x')", "INSERT of VALUES finds no rows"),
    hopeless("WITH d AS (DELETE FROM items WHERE order_id = 1 RETURNING *) SELECT * FROM d", "writes inside a SELECT"),
    hopeless("SELECT * FROM pg_class WHERE relpages = 5", "belongs to the system"),
    hopeless("SELECT 1", "reads no table"),
]
