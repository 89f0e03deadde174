"""Elasticsearch's official client for Python writes to trimtab."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from elasticsearch import ApiError, AsyncElasticsearch, BadRequestError, ConflictError, Elasticsearch
from elasticsearch.helpers import BulkIndexError, async_bulk, bulk, parallel_bulk, streaming_bulk

from tests.api.elasticsearch.conftest import stored
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store


@pytest.fixture
def client(url: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(url, http_compress=True) as made:
        yield made


def actions(count: int, **more: object) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {"_index": "shop", "_op_type": "create", "message": f"line {number}", "log.level": "info", **more}


def test_it_knows_us(client: Elasticsearch) -> None:
    assert client.ping()
    assert client.info()["version"]["number"]
    assert client.cluster.health()["status"] == "green"
    assert client.license.get()["license"]["type"] == "basic"


def test_bulk(client: Elasticsearch, telemetry: EmbeddedTelemetry) -> None:
    assert bulk(client, actions(1200)) == (1200, [])
    assert len(stored(telemetry)) == 1200


def test_streaming_bulk(client: Elasticsearch, telemetry: EmbeddedTelemetry) -> None:
    results = list(streaming_bulk(client, actions(700), chunk_size=100))
    assert len(results) == 700
    assert all(is_good and item["create"]["status"] == 201 for is_good, item in results)
    assert len(stored(telemetry)) == 700


def test_parallel_bulk(client: Elasticsearch, telemetry: EmbeddedTelemetry) -> None:
    assert all(is_good for is_good, _ in parallel_bulk(client, actions(900), thread_count=3, chunk_size=50))
    assert sorted(row["body"] for row in stored(telemetry)) == sorted(f"line {n}" for n in range(900))


def test_async_bulk(url: str, telemetry: EmbeddedTelemetry) -> None:
    async def send() -> tuple[int, object]:
        async with AsyncElasticsearch(url) as client:
            return await async_bulk(client, actions(300))

    assert asyncio.run(send()) == (300, [])
    assert len(stored(telemetry)) == 300


def test_what_is_refused_is_told_by_item(client: Elasticsearch, telemetry: EmbeddedTelemetry) -> None:
    mixed: list[dict[str, Any]] = [*actions(2), {"_index": "shop", "_op_type": "create", "@timestamp": "never"}]
    with pytest.raises(BulkIndexError) as caught:
        bulk(client, mixed)
    [error] = caught.value.errors
    assert error["create"]["error"]["type"] == "document_parsing_exception"
    assert len(stored(telemetry)) == 2


def test_one_document(client: Elasticsearch, telemetry: EmbeddedTelemetry) -> None:
    document = {"@timestamp": time.time_ns() // 1_000_000, "message": "one"}
    assert client.index(index="shop", document=document)["result"] == "created"
    assert client.create(index="shop", id="7", document=document)["_id"] == "7"
    with pytest.raises(ConflictError):
        client.create(index="shop", id="7", document=document)
    assert len(stored(telemetry)) == 2


def test_searches_are_refused_in_words(client: Elasticsearch) -> None:
    with pytest.raises(BadRequestError, match="answers no searches"):
        client.search(index="shop", query={"match_all": {}})
    with pytest.raises(ApiError, match="no handler found"):
        client.cat.indices()
