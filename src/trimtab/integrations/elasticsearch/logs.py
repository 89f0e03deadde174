"""Logs in Elasticsearch or OpenSearch. Both clients are asked alike; only making them differs."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from trimtab.extend.sources import Address, FoundLog, FoundLogs, LogQuestion, Sent, SourceError
from trimtab.integrations.elasticsearch.documents import document_of, record_of
from trimtab.integrations.elasticsearch.query import search_body
from trimtab.model.errors import InputError

INDEX_DEFAULT = "logs-*,filebeat-*"
ALREADY_THERE = 409


class Client(Protocol):
    """What is asked of an official client. All errors of its library are `errors` of `SearchedLogs`."""

    def search(self, index: str, body: dict[str, object]) -> Mapping[str, Any]:
        """`POST /{index}/_search`."""
        ...

    def bulk(self, body: Sequence[Mapping[str, object]]) -> Mapping[str, Any]:
        """`POST /_bulk`."""
        ...

    def close(self) -> None:
        """Let its connections go."""
        ...


class SearchedLogs:
    """A `LogSource`. `errors` are what the client raises; `hint` is said where its library is not there."""

    def __init__(self, address: Address, client: Client, errors: tuple[type[Exception], ...]) -> None:
        self._address = address
        self._client = client
        self._errors = errors
        self._index = address.path or INDEX_DEFAULT

    def search(self, question: LogQuestion) -> FoundLogs:
        """See `LogSource.search`."""
        after = _after(question.cursor)
        try:
            answer = self._client.search(self._index, search_body(question, after))
            hits: list[Mapping[str, Any]] = answer["hits"]["hits"]
            records = tuple(record_of(hit) for hit in hits)
            is_more = len(hits) == question.limit
            cursor = _cursor(hits[-1]["sort"]) if is_more and hits else ""
            missing = _missing(answer)
        except self._errors as error:
            raise self._failed(error) from error
        except (KeyError, TypeError, ValueError) as error:
            raise self._failed(ValueError(f"the answer is not Elasticsearch's: {error!r}")) from error
        return FoundLogs(records, cursor, missing)

    def write(self, records: Sequence[FoundLog]) -> Sent:
        """See `LogSource.write`. The id of a record keeps it from being there twice."""
        index = self._index.split(",", 1)[0]
        if "*" in index:
            raise InputError(f"{self._address.name}: to write, the URL has to name one index, not {index!r}")
        body: list[Mapping[str, object]] = []
        for record in records:
            body.append({"create": {"_index": index, **({"_id": record.id} if record.id else {})}})
            body.append(document_of(record))
        try:
            answer = self._client.bulk(body) if body else {"items": []}
            items = [next(iter(item.values())) for item in answer["items"]]
            reasons = Counter(
                str(item.get("error", {}).get("type", item["status"]))
                for item in items
                if item["status"] >= 300 and item["status"] != ALREADY_THERE
            )
        except self._errors as error:
            raise self._failed(error) from error
        except (KeyError, TypeError, StopIteration, AttributeError) as error:
            raise self._failed(ValueError(f"the answer is not Elasticsearch's: {error!r}")) from error
        return Sent(len(items) - sum(reasons.values()), dict(reasons))

    def close(self) -> None:
        """See `LogSource.close`."""
        self._client.close()

    def _failed(self, error: Exception) -> SourceError:
        causes = dict.fromkeys((str(error), str(getattr(error, "message", ""))))  # "TLS error" alone helps nobody
        told = f"{type(error).__name__}: {'; '.join(filter(None, causes))}"[:500]
        return SourceError(
            f"the source {self._address.name} ({self._address.url}) did not answer as it should: {told}",
            source=self._address.name,
        )


def _missing(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """Shards that did not answer, and a search that was cut short."""
    told: list[str] = []
    if answer.get("timed_out"):
        told.append("the search took too long and was cut short")
    shards = answer.get("_shards", {})
    if isinstance(shards, Mapping) and shards.get("failed"):
        told.append(f"{shards['failed']} of {shards.get('total', '?')} shards failed")
    return tuple(told)


def _cursor(sort: Sequence[object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(sort)).encode()).decode()


def _after(cursor: str) -> list[object] | None:
    if not cursor:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except ValueError:
        found = None
    if not isinstance(found, list) or len(found) != 2:
        raise InputError("this cursor is none of this source", field="cursor")
    return found
