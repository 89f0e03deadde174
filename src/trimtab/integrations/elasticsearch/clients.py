"""The official clients, made for an address. Their libraries are extras, imported when a source is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.extend.sources import Address
from trimtab.integrations.elasticsearch.logs import SearchedLogs
from trimtab.integrations.trusting import context_of
from trimtab.model.errors import MissingError


def elasticsearch_logs(address: Address) -> SearchedLogs:
    """Logs in Elasticsearch."""
    try:
        from elasticsearch import ApiError, Elasticsearch, TransportError, UnsupportedProductError
    except ImportError as error:
        raise _missing("elasticsearch") from error

    class Asked:
        """The client, with the credentials of the moment."""

        def __init__(self) -> None:
            self._client = Elasticsearch(
                address.url,
                request_timeout=address.timeout_s,
                max_retries=0,
                retry_on_timeout=False,
                **_trust(address),
            )

        def _now(self) -> Elasticsearch:
            return self._client.options(headers=_headers(address))

        def search(self, index: str, body: dict[str, object]) -> Mapping[str, Any]:
            found: Mapping[str, Any] = self._now().search(index=index, body=body, ignore_unavailable=True).body
            return found

        def bulk(self, body: Sequence[Mapping[str, object]]) -> Mapping[str, Any]:
            answer: Mapping[str, Any] = self._now().bulk(operations=body).body
            return answer

        def close(self) -> None:
            self._client.close()

    return SearchedLogs(address, Asked(), (ApiError, TransportError, UnsupportedProductError))


def opensearch_logs(address: Address) -> SearchedLogs:
    """Logs in OpenSearch."""
    try:
        from opensearchpy import OpenSearch, OpenSearchException
    except ImportError as error:
        raise _missing("opensearch") from error

    class Asked:
        """The client, with the credentials of the moment."""

        def __init__(self) -> None:
            self._client = OpenSearch(
                address.url,
                timeout=address.timeout_s,
                max_retries=0,
                retry_on_timeout=False,
                **_trust(address),
            )

        def search(self, index: str, body: dict[str, object]) -> Mapping[str, Any]:
            found: Mapping[str, Any] = self._client.search(
                index=index, body=body, params={"ignore_unavailable": "true"}, headers=_headers(address)
            )
            return found

        def bulk(self, body: Sequence[Mapping[str, object]]) -> Mapping[str, Any]:
            answer: Mapping[str, Any] = self._client.bulk(body=body, headers=_headers(address))
            return answer

        def close(self) -> None:
            self._client.close()

    return SearchedLogs(address, Asked(), (OpenSearchException,))


def _trust(address: Address) -> dict[str, Any]:
    context = context_of(address)
    return {} if context is None else {"ssl_context": context}


def _headers(address: Address) -> dict[str, str]:
    value = address.authorization()
    return {"authorization": value} if value else {}


def _missing(extra: str) -> MissingError:
    return MissingError(f"the client of {extra} is not installed: pip install 'trimtab[{extra}]'", extra=extra)
