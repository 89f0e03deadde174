"""`ServiceLevelIndicators`: the seed's definitions as written, over a store in this process and over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from tests.app.objectives.world import World
from trimtab import SLI, ServiceLevelIndicators
from trimtab.app.objectives.asking import Grid, StoreAsking, UpstreamAsking
from trimtab.app.upstream import Upstream
from trimtab.model.errors import InputError, ServerUnreachable

HOUR = 60


class _Prometheus(BaseHTTPRequestHandler):
    """Says what its server was told to say."""

    asked: list[dict[str, list[str]]]
    says: tuple[int, object]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append(parse_qs(body))
        status, reply = self.says
        data = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def prometheus() -> Iterator[tuple[str, type[_Prometheus]]]:
    """A server on a free port, and what it says."""
    kind = type("Told", (_Prometheus,), {"asked": [], "says": (200, {})})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", kind
    server.shutdown()
    server.server_close()


@pytest.mark.store
def test_the_seed_s_definitions_count_on_a_store(world: World) -> None:
    up, age = world.unique("up"), world.unique("last_update_timestamp")
    world.gauge(up, [1.0] * (HOUR - 5) + [0.0] * 6, {"job": "data-service"})
    world.gauge(age, [world.now_ms / 1000 - 40 * 60] * (HOUR + 1))
    face = ServiceLevelIndicators(asking=StoreAsking(lambda: world.telemetry.metrics), now_ms=lambda: world.now_ms)
    selector = f'{up}{{job="data-service"}}'
    face.define_custom_slis(
        {
            "service_availability": SLI(
                name="Service Availability",
                query=f"sum({selector}) / count({selector})",
                target=0.9,
                window="1h",
            ),
            "data_freshness": SLI(name="Data Freshness", query=f"time() - max({age})", target=300, window="1h"),
        }
    )
    budgets = face.calculate_error_budget()
    availability = budgets["service_availability"]
    assert (availability.good, availability.total) == (54, 60)
    assert availability.consumed_percentage == pytest.approx(1.0)
    assert availability.consumed_ratio == availability.consumed_percentage
    assert availability.remaining_budget == pytest.approx(0.0)
    assert availability.coverage_ratio == 1.0
    assert face.calculate_burn_rate("service_availability") is not None
    freshness = budgets["data_freshness"]
    assert freshness.slo.target == 0.99
    assert (freshness.good, freshness.total) == (24, 60), "forty minutes old now, less than five 36 minutes ago"


def test_what_cannot_be_read_is_told_with_its_name() -> None:
    face = ServiceLevelIndicators()
    with pytest.raises(InputError, match="queue: it cannot be seen from the query which way is better"):
        face.define_custom_slis({"queue": SLI("Queue", "queue_length", 5)})
    with pytest.raises(InputError, match=r"bad: .*parse error"):
        face.define_custom_slis({"bad": {"query": "sum(", "target": 1}})
    with pytest.raises(InputError, match=r"it: SLI\.__init__"):
        face.define_custom_slis({"it": {"querry": "up", "target": 1}})
    with pytest.raises(InputError, match="no SLI 'x' was defined"):
        face.calculate_burn_rate("x")


def test_another_server_is_asked_in_plain_promql(prometheus: tuple[str, type[_Prometheus]]) -> None:
    url, kind = prometheus
    at_s = 1_700_000_040
    values = [[at_s + 60 * step, "60"] for step in range(5)]
    kind.says = (
        200,
        {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}},
    )
    rows = UpstreamAsking(Upstream(url)).ask(["up", "up"], Grid(at_s * 1000 - 60_000, 60_000, 7))
    assert rows["up"].present.tolist() == [[False, True, True, True, True, True, False]]
    assert len(kind.asked) == 1, "the same question is asked once"
    assert kind.asked[0]["step"] == ["60"]
    kind.says = (400, {"status": "error", "errorType": "bad_data", "error": "parse error"})
    assert UpstreamAsking(Upstream(url)).ask(["up("], Grid(0, 60_000, 2))["up("].error == "parse error"
    kind.says = (503, {"status": "error", "error": "loading"})
    with pytest.raises(ServerUnreachable, match="503: loading"):
        UpstreamAsking(Upstream(url)).ask(["up"], Grid(0, 60_000, 2))
