"""Whatever is asked of the Jaeger API, it is answered or refused in Jaeger's shape; over the real store, too."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.api.served import served

pytestmark = pytest.mark.store
NOW_US = time.time_ns() // 1000
PATHS = (
    "/jaeger/api/traces",
    "/jaeger/api/traces/{id}",
    "/jaeger/api/services",
    "/jaeger/api/services/{id}/operations",
    "/jaeger/api/operations",
    "/jaeger/api/dependencies",
    "/jaeger/api/v3/traces",
    "/jaeger/api/v3/traces/{id}",
    "/jaeger/api/v3/trace-summaries",
    "/jaeger/api/v3/services",
    "/jaeger/api/v3/operations",
)
NAMES = (
    *("service", "operation", "spanKind", "start", "end", "lookback", "limit", "minDuration", "maxDuration", "tags"),
    *("tag", "traceID", "prettyPrint", "endTs", "raw", "query.service_name", "query.operationName", "query.attributes"),
    *("query.start_time_min", "query.startTimeMax", "query.duration_min", "query.durationMax", "query.search_depth"),
    *("query.num_traces", "query.rawTraces", "query.filter", "startTime", "end_time", "span_kind"),
)
VALUES = st.one_of(
    st.sampled_from(
        (
            *("", "0", "-1", "1", "20", str(NOW_US), str(2**63), "9" * 30, "1e5", "NaN", "null", "true", "[]", "{}"),
            *(
                '{"a":"("}',
                '{"a":"[a-"}',
                '{"a":".*"}',
                '{"":""}',
                '{"error":"true"}',
                '{"a":1e999}',
                "a:b",
                ":",
                "%00",
            ),
            *("1.5ms", "2h3m", "-1s", "1000000h", "µs", "server", "SERVER", "nothing", "2024-01-01T00:00:00Z"),
            *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00+25:00", "ab" * 16, "' OR 1=1 --"),
            *("{x:String}", "\\", "x" * 3000),
        )
    ),
    st.text(max_size=20),
)
IDS = st.one_of(
    st.sampled_from(("ab", "f" * 32, "f" * 33, "zz", "AAAA", "{id}", "%2F", "..%2f", "'")), st.text(max_size=9)
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with served(tmp_path_factory.mktemp("fuzz") / "data") as made:
        span = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "a", "startTimeUnixNano": str(NOW_US * 1000)}
        sent = {"resourceSpans": [{"scopeSpans": [{"spans": [{**span, "attributes": [], "events": [{}]}]}]}]}
        assert made.on_loopback().post("/v1/traces", json=sent).status_code == 200
        made.service.telemetry.flush()
        yield made.on_loopback()


@settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from(PATHS),
    id_=IDS,
    asked=st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6),
    is_ranged=st.booleans(),
)
def test_nothing_that_is_asked_breaks_it(
    client: TestClient, path: str, id_: str, asked: list[tuple[str, str]], is_ranged: bool
) -> None:
    if is_ranged:
        asked = [*asked, ("query.startTimeMin", "2024-01-01T00:00:00Z"), ("query.startTimeMax", "2030-01-01T00:00:00Z")]
    try:
        address = path.replace("{id}", id_.replace("/", "").replace("?", "").replace("#", ""))
        answer = client.get(address, params=tuple(asked))
    except (UnicodeError, ValueError, httpx2.InvalidURL):
        return  # no client can send that
    if answer.status_code == 307:
        return  # an empty name at the end of a path: Starlette shows the way without the slash
    assert answer.status_code in {200, 400, 404, 414}, (answer.status_code, answer.text)
    body = answer.json()
    if answer.status_code == 200:
        assert set(body) & {"data", "result", "summaries", "services", "operations"}
    elif address.startswith("/jaeger/api/v3/"):
        assert body["error"]["httpCode"] == answer.status_code
    else:
        assert body["errors"][0]["code"] == answer.status_code
