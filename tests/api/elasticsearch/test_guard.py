"""Who may write: tokens as the clients send them, under /elasticsearch/ and nowhere else."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from elasticsearch import AuthenticationException, AuthorizationException, Elasticsearch
from opensearchpy import OpenSearch
from opensearchpy.helpers import bulk as opensearch_bulk

from tests.api.served import Served, listening, served
from trimtab.model.access import Role

pytestmark = pytest.mark.store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("guard")) as opened:
        yield opened


@pytest.fixture(scope="module")
def url(made: Served) -> Iterator[str]:
    with listening(made.app) as port:
        yield f"http://127.0.0.1:{port}/elasticsearch"


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_official_client(url: str, made: Served) -> None:
    token = made.tokens[Role.INGEST]
    for how in ({"basic_auth": ("anybody", token)}, {"api_key": ("anything", token)}, {"bearer_auth": token}):
        with Elasticsearch(url, **how) as client:
            assert client.info()["version"]["number"]
            assert client.index(index="a", document={"message": str(how.keys())})["result"] == "created"
    with Elasticsearch(url) as client, pytest.raises(AuthenticationException, match="as an API key"):
        client.info()
    with Elasticsearch(url, api_key=("id", "tt_guessed")) as client, pytest.raises(AuthenticationException):
        client.info()
    with (
        Elasticsearch(url, basic_auth=("viewer", made.tokens[Role.VIEWER])) as client,
        pytest.raises(AuthorizationException, match="may not ingest"),
    ):
        client.index(index="a", document={"message": "x"})


def test_client_of_opensearch(url: str, made: Served) -> None:
    with OpenSearch(url, http_auth=("fluent", made.tokens[Role.INGEST])) as client:
        written = opensearch_bulk(client, [{"_index": "a", "message": "x"}] * 20)
    assert written == (20, [])


def test_a_token_as_a_password_opens_nothing_else(made: Served) -> None:
    client = made.visitor()
    for scheme in ("Basic", "ApiKey"):
        client.headers["Authorization"] = f"{scheme} {packed('admin:' + made.tokens[Role.ADMIN])}"
        assert client.get("/elasticsearch/").status_code == 200
        assert client.get("/elasticsearch").status_code == 200
        for path in ("/api/trimtab/status", "/v1/logs", "/elasticsearch-not", "//elasticsearch/"):
            answer = client.get(path)
            assert answer.status_code in (401, 303), (path, answer.status_code)


@pytest.mark.parametrize("credentials", ["", "x", "Zm9v", packed("admin:"), packed("no colon"), "é"])
def test_what_is_no_token(made: Served, credentials: str) -> None:
    client = made.visitor()
    for scheme in ("Basic", "ApiKey"):
        headers = {b"Authorization": f"{scheme} {credentials}".encode("latin-1")}
        answer = client.post("/elasticsearch/_bulk", content=b"{}\n", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "security_exception"
        assert answer.headers["x-elastic-product"] == "Elasticsearch"


def test_pages_of_other_sites_are_refused_in_its_shape(made: Served) -> None:
    client = made.on_loopback()
    answer = client.post("/elasticsearch/_bulk", content=b"{}\n", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert answer.json()["error"]["type"] == "security_exception"
    form = client.post("/elasticsearch/logs/_doc", data={"a": "b"})
    assert form.status_code == 403
