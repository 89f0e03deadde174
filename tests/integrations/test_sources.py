"""Stores by their names: in the configuration, over HTTP and on the command line; credentials, failures and pauses."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.api.served import served
from tests.api.serving import running
from tests.integrations.fake_elasticsearch import Fake
from trimtab.app.config import parse_config
from trimtab.app.sources.sources import Sources
from trimtab.extend.sources import Address, SourceError
from trimtab.integrations.elasticsearch.clients import elasticsearch_logs
from trimtab.model.access import Role
from trimtab.model.errors import ConfigError, InputError, MissingError
from trimtab.model.integrations import IntegrationsPolicy
from trimtab.store.logs.answers import LogQuery
from trimtab.store.traces.answers import TraceQuery

EVER = LogQuery(0, 4_000_000_000_000)


def test_configuration() -> None:
    text = '[integrations]\nlogs = ["prod=elasticsearch+https://es:9200/logs-*"]\ntraces = ["j=jaeger+http://j:16686"]'
    config = parse_config(text)
    assert [(one.name, one.signal, one.kind, one.url, one.path) for one in Sources(config.integrations).listed()] == [
        ("prod", "logs", "elasticsearch", "https://es:9200", "logs-*"),
        ("j", "traces", "jaeger", "http://j:16686", ""),
    ]
    with pytest.raises(ConfigError, match="TRIMTAB_SOURCE_PROD_AUTHORIZATION") as caught:
        parse_config('[integrations]\nlogs = ["prod=elasticsearch+https://me:hunter2@es:9200/"]')
    assert "hunter2" not in caught.value.message


def test_credentials_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    seen: list[str] = []

    class Source:
        def __init__(self, address: Address) -> None:
            self._address = address

        def services(self) -> tuple[str, ...]:
            seen.append(self._address.authorization())
            return ()

    variable = "TRIMTAB_SOURCE_A_AUTHORIZATION"
    policy = IntegrationsPolicy(traces=("a=x+http://h",))
    Sources(policy, factories=lambda: {"x": Source}, environment={variable: "Bearer 1"}).services("a")
    sources = Sources(policy, factories=lambda: {"x": Source}, environment={f"{variable}_FILE": str(file)})
    with pytest.raises(MissingError, match="could not be read"):
        sources.services("a")
    for secret in ("Bearer 2\n", "Bearer 3"):
        file.write_text(secret)
        sources.services("a")
    assert seen == ["Bearer 1", "Bearer 2", "Bearer 3"]


def test_unknown_names_and_kinds() -> None:
    sources = Sources(IntegrationsPolicy(logs=("a=nonsense+http://h",)))
    with pytest.raises(InputError, match=r"named 'b' \(known: a\)"):
        sources.search_logs("b", EVER)
    with pytest.raises(InputError, match="none is configured"):
        sources.search_traces("a", TraceQuery(0, 1))
    with pytest.raises(MissingError, match="no plug-in is named 'nonsense'"):
        sources.search_logs("a", EVER)


def test_who_fails_is_left_alone_for_a_while() -> None:
    fake = Fake(status=503)
    with running(fake.app) as url:
        policy = IntegrationsPolicy(logs=(f"a=elasticsearch+{url}/x",), pause_s=3600)
        sources = Sources(policy, factories=lambda: {"elasticsearch": elasticsearch_logs})
        for _ in range(5):
            with pytest.raises(SourceError):
                sources.search_logs("a", EVER)
        assert len(fake.asked) == 3
        [told] = sources.listed()
        assert "503" in told.problem
        sources.close()


@pytest.mark.store
def test_over_http(tmp_path: Path) -> None:
    fake = Fake()
    fake.add(
        "logs", "7", {"@timestamp": time.time_ns() // 1_000_000, "message": "from there", "log": {"level": "error"}}
    )
    with served(tmp_path) as made, running(fake.app) as url:
        made.service.sources = Sources(IntegrationsPolicy(logs=(f"prod=elasticsearch+{url}/logs",)))
        client = made.visitor(Role.VIEWER)
        assert client.get("/api/trimtab/sources").json()["sources"][0]["name"] == "prod"
        page = client.get("/api/trimtab/logs", params={"source": "prod", "query": "level>=error"}).json()
        assert [record["body_text"] for record in page["records"]] == ["from there"]
        assert client.get("/api/trimtab/logs").json()["records"] == []
        wrong = client.get("/api/trimtab/logs", params={"source": "nope"})
        assert (wrong.status_code, "known: prod" in wrong.text) == (400, True)
        fake.status = 500
        failed = client.get("/api/trimtab/logs", params={"source": "prod"})
        assert (failed.status_code, failed.json()["error"]["kind"]) == (503, "SourceError")
        for path in ("/traces", "/traces/1", "/trace-services", "/trace-operations"):
            assert client.get(f"/api/trimtab{path}", params={"source": "prod"}).status_code == 400
        assert made.visitor(Role.INGEST).get("/api/trimtab/sources").status_code == 403
        made.service.sources.close()
