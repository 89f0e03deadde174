"""What Filebeat and Fluent Bit send is answered as they need it, and becomes what they meant."""

from __future__ import annotations

import gzip
import json

import httpx2
import pytest

from tests.api.elasticsearch.conftest import stored
from tests.api.elasticsearch.recorded import FILEBEAT_CONNECTS, Sent, filebeat_bulk, fluent_bit_chunk
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store


def send(url: str, sent: Sent) -> httpx2.Response:
    return httpx2.request(sent.method, f"{url}{sent.path}", content=sent.body, headers=sent.headers)


def test_filebeat_connects(url: str) -> None:
    answers = [send(url, sent) for sent in FILEBEAT_CONNECTS]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 200, 404, 200, 404, 200]
    about = answers[0].json()
    major, minor, _ = (int(part) for part in about["version"]["number"].split("."))
    assert (major, minor) >= (9, 2)
    licence = answers[1].json()["license"]
    assert (licence["type"], licence["status"]) == ("basic", "active")
    assert answers[3].json() == {"acknowledged": True}
    assert all(answer.headers["x-elastic-product"] == "Elasticsearch" for answer in answers)


def test_filebeat_writes(url: str, telemetry: EmbeddedTelemetry) -> None:
    sent = filebeat_bulk(["first", "second «quoted»"])
    packed = Sent(sent.method, sent.path, sent.headers | {"Content-Encoding": "gzip"}, gzip.compress(sent.body))
    answer = send(url, packed)
    assert answer.json() == {"errors": False, "items": [{"create": {"status": 201}}] * 2}
    rows = stored(telemetry, "body, attributes, resource, at_ns")
    assert [row["body"] for row in rows] == ["first", "second «quoted»"]
    assert dict(rows[1]["attributes"])["log.file.path"] == "/var/log/shop/app.log"
    assert dict(rows[1]["attributes"])["log.offset"] == "100"
    resource = json.loads(rows[0]["resource"])
    assert (resource["host.name"], resource["agent.version"]) == ("web-1", "9.2.1")
    assert resource["elasticsearch.index"] == "filebeat-9.2.1"


def test_filebeat_drops_what_never_fits_and_sends_the_rest_again(url: str) -> None:
    """It looks at nothing but the status of each item: 4xx is dropped, 429 and 5xx are sent again."""
    answer = send(url, filebeat_bulk(["old"], at="2001-01-01T00:00:00.000Z"))
    assert answer.status_code == 200
    [item] = answer.json()["items"]
    assert item["create"]["status"] == 400


def test_filebeat_modules_are_told_that_there_are_no_pipelines(url: str) -> None:
    path = "/_ingest/pipeline/filebeat-9.2.1-nginx-access-pipeline"
    assert send(url, Sent("GET", path)).status_code == 404
    answer = send(url, Sent("PUT", path, {"Content-Type": "application/json"}, b'{"processors":[]}'))
    assert answer.status_code == 400
    assert "runs no ingest pipelines" in answer.json()["error"]["reason"]


def test_fluent_bit_writes(url: str, telemetry: EmbeddedTelemetry) -> None:
    answer = send(url, fluent_bit_chunk(["GET /cart 500\n"]))
    assert b'"errors":false,"items":[' in answer.content, "it looks for this text where an answer is cut short"
    [row] = stored(telemetry, "body, attributes, resource")
    assert row["body"] == "GET /cart 500\n"
    assert dict(row["attributes"]) == {"stream": "stderr"}
    resource = json.loads(row["resource"])
    assert resource["kubernetes.pod_name"] == "cart-7d9f"
    assert resource["kubernetes.labels.app.kubernetes.io/name"] == "cart"


def test_fluent_bit_sends_a_chunk_again(url: str, telemetry: EmbeddedTelemetry) -> None:
    """With `Generate_ID On` what is here already is a conflict, which it takes for success."""
    chunk = fluent_bit_chunk(["one", "two"], generates_id=True)
    assert [item["create"]["status"] for item in send(url, chunk).json()["items"]] == [201, 201]
    assert [item["create"]["status"] for item in send(url, chunk).json()["items"]] == [409, 409]
    assert len(stored(telemetry)) == 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "", 200),
        ("HEAD", "/", 200),
        ("GET", "/_xpack", 200),
        ("GET", "/_cluster/health", 200),
        ("GET", "/_nodes/http", 200),
        ("HEAD", "/_index_template/x", 404),
        ("HEAD", "/some-index", 404),
        ("GET", "/logs/_search", 400),
        ("POST", "/_msearch", 400),
        ("GET", "/_cat/indices", 404),
        ("DELETE", "/logs", 404),
    ],
)
def test_probes(url: str, method: str, path: str, status: int) -> None:
    answer = httpx2.request(method, f"{url}{path}", follow_redirects=False)
    assert answer.status_code == status
    assert answer.headers["x-elastic-product"] == "Elasticsearch"
    if status >= 400 and method != "HEAD":
        assert answer.json()["error"]["reason"]
