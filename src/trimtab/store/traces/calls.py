"""SQL that makes calls out of spans: who called whom, by the minute, as counts in buckets of latency.

A call is a client's or a producer's span. The span of another service that names it as its parent is the callee; where
there is none, its attributes say which database, queue or host it was for. A call belongs to the minute in which its
caller's span began. The spans of a trace are on one shard, so each shard joins its own.
"""

from __future__ import annotations

from trimtab.store.buckets import BUCKET

FAILED, SENT = -32768, -32767
"""Buckets that are none: calls that failed; the service sent spans, whether or not anybody called it."""
KEYS = "caller_, callee_, kind_, minute_, bucket_"
"""Columns of what is answered; besides `n_`, how many."""

_MINUTE = "intDiv(started_at_ns, 60000000000) * 60000 AS minute_"
_CALLED = "kind IN ('server', 'consumer')"


def _attribute(*names: str) -> str:
    """SQL for the first of these attributes that is there. Looking for a name among the keys as they are stored costs a
    third of `attributes[name]`."""
    found = "''"
    for name in reversed(names):
        value = f"arrayElement(texts_, indexOf(keys_, '{name}'))"
        found = f"if({value} <> '', {value}, {found})"
    return found


_DATABASE = _attribute("db.system", "db.system.name")
_DATABASE_NAME = _attribute("db.namespace", "db.name")
_QUEUE = _attribute("messaging.system")
_TOPIC = _attribute("messaging.destination.name", "messaging.destination")
_HOST = _attribute("peer.service", "server.address", "net.peer.name", "http.host")
_TARGET = (
    f"multiIf({_DATABASE} <> '', (concat({_DATABASE}, if({_DATABASE_NAME} = '', '', '/'), {_DATABASE_NAME}), 1),"
    f" {_QUEUE} <> '', (concat({_QUEUE}, if({_TOPIC} = '', '', '/'), {_TOPIC}), 2), ({_HOST}, 3))"
)
"""Whom a call was for, as its own attributes say, and the kind of that."""


def calls_of(new: str, seen: str) -> str:
    """A SELECT of `KEYS` and `n_`: calls whose caller's span fits the condition `new`, each with its callee, looked for
    among the spans that fit `seen`; and, as calls of '', all that came into a service by spans that fit `new`."""
    callers = (
        f"SELECT id_, caller_, minute_, own_took, own_failed, weight, {_TARGET} AS target_ FROM"
        f" (SELECT cityHash64(trace_id, span_id) AS id_, toString(service_name) AS caller_, {_MINUTE},"
        " duration_ms AS own_took, status = 'error' AS own_failed, sample_weight AS weight,"
        f" mapKeys(attributes) AS keys_, mapValues(attributes) AS texts_ FROM spans WHERE {new}"
        " AND kind IN ('client', 'producer'))"
    )
    callees = (
        "SELECT cityHash64(trace_id, parent_span_id) AS caused_by, toString(service_name) AS served_by,"
        f" duration_ms AS took, status = 'error' AS has_failed FROM spans WHERE {seen} AND {_CALLED}"
        " AND parent_span_id <> ''"
    )
    bucket = BUCKET.replace("duration_ms", "if(served_by <> '', took, own_took)")
    between = (
        "SELECT caller_, if(served_by <> '', served_by, target_.1) AS callee_,"
        " if(served_by <> '', 0, toUInt8(target_.2)) AS kind_, minute_,"
        f" arrayJoin(if(if(served_by <> '', has_failed, own_failed), [{bucket}, {FAILED}], [{bucket}])) AS bucket_,"
        f" sum(weight) AS n_ FROM ({callers}) AS calls LEFT JOIN ({callees}) AS served ON calls.id_ = served.caused_by"
        " GROUP BY caller_, served_by, target_, minute_, bucket_ HAVING callee_ <> ''"
    )
    into = (
        f"SELECT '' AS caller_, toString(service_name) AS callee_, toUInt8(0) AS kind_, {_MINUTE},"
        f" arrayJoin(multiIf(NOT {_CALLED}, [{SENT}], status = 'error', [{BUCKET}, {FAILED}], [{BUCKET}])) AS bucket_,"
        f" sum(sample_weight) AS n_ FROM spans WHERE {new} GROUP BY callee_, minute_, bucket_"
    )
    return f"SELECT {KEYS}, n_ FROM ({between}) UNION ALL SELECT {KEYS}, n_ FROM ({into})"
