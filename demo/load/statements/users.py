"""Statements on users."""

from __future__ import annotations

from demo.load.statement import Statement

PROFILE = Statement(
    "user_profile",
    "SELECT id, full_name, country, role, profile, last_seen_at FROM users WHERE id = %s",
    ("users",),
    lambda d: (d.row("users"),),
)
SIGN_IN = Statement(
    "user_sign_in",
    "SELECT id, tenant_id, full_name, role FROM users WHERE lower(email) = %s",
    ("users",),
    lambda d: (d.email(),),
)
NEWEST = Statement(
    "users_newest",
    "SELECT id, full_name, country, created_at FROM users WHERE tenant_id = %s ORDER BY created_at DESC LIMIT 20",
    ("users",),
    lambda d: (d.tenant(),),
)
SEEN = Statement(
    "user_seen",
    "UPDATE users SET logins = logins + 1, last_seen_at = now() WHERE id = %s",
    ("users",),
    lambda d: (d.row("users"),),
)
AUDIENCE_REPORT = Statement(
    "users_audience_report",
    "SELECT country, role, count(*), count(*) FILTER (WHERE (profile ->> 'newsletter')::boolean) AS subscribed, "
    "avg((profile ->> 'points')::numeric) AS points, max(last_seen_at) AS last_seen, avg(length(email)) AS letters, "
    "min(created_at) AS first_joined, avg(length(full_name)) AS name_length "
    "FROM users WHERE logins >= %s GROUP BY country, role ORDER BY country, role",
    ("users",),
    lambda d: (d.between(0, 6),),
)

ALL = (PROFILE, SIGN_IN, NEWEST, SEEN, AUDIENCE_REPORT)
