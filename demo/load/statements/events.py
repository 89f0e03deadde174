"""Statements on events."""

from __future__ import annotations

from demo.load.statement import Statement

OF_USER = Statement(
    "events_of_user",
    "SELECT id, kind, payload, occurred_at FROM events WHERE user_id = %s ORDER BY occurred_at DESC LIMIT 10",
    ("events",),
    lambda d: (d.row("users"),),
)
IN_REGION = Statement(
    "events_in_region",
    "SELECT id, tenant_id, payload, occurred_at FROM events WHERE region = %s AND kind = %s "
    "ORDER BY occurred_at DESC LIMIT 10",
    ("events",),
    lambda d: (d.pick("north", "south"), "page_view"),
)
OF_SESSION = Statement(
    "events_of_session",
    "SELECT id, kind, duration_ms, occurred_at FROM events WHERE payload ->> 'session' = %s",
    ("events",),
    lambda d: (d.session(),),
)
OF_TENANT = Statement(
    "events_of_tenant",
    "SELECT id, kind, duration_ms, occurred_at FROM events WHERE tenant_id = %s ORDER BY occurred_at DESC LIMIT 20",
    ("events",),
    lambda d: (d.tenant(),),
)
TRACK = Statement(
    "event_track",
    "INSERT INTO events (tenant_id, user_id, payload, region, kind, duration_ms, budget_ms, occurred_at) "
    "VALUES (%s, %s, jsonb_build_object('session', %s, 'path', %s, 'agent', %s), %s, %s, %s, %s, now())",
    ("events",),
)
OVER_BUDGET = Statement(
    "events_over_budget",
    "SELECT id, tenant_id, user_id, payload, region, kind, duration_ms, budget_ms, occurred_at FROM events "
    "WHERE kind = 'page_view' AND duration_ms > budget_ms * %s ORDER BY occurred_at DESC LIMIT 20",
    ("events",),
    lambda d: (round(d.uniform(1.1, 1.9), 2),),
)
AGENT_REPORT = Statement(
    "events_agent_report",
    "SELECT kind, count(*), max(duration_ms) AS slowest_ms, max(occurred_at) AS newest, max(user_id) AS last_user, "
    "count(*) FILTER (WHERE payload ->> 'agent' = 'app') AS in_app "
    "FROM events WHERE budget_ms >= %s GROUP BY kind ORDER BY kind",
    ("events",),
    lambda d: (d.between(100, 200),),
)

ALL = (OF_USER, IN_REGION, OF_SESSION, OF_TENANT, TRACK, OVER_BUDGET, AGENT_REPORT)
