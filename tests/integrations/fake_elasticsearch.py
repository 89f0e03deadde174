"""A server that speaks as much of Elasticsearch as is asked of it, written from its documentation: documents in memory,
the queries that trimtab makes, `search_after`, and bulks with ids. Grade S: the official clients talk to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from trimtab.integrations.elasticsearch.documents import flat, moment_ns

Json = dict[str, Any]


@dataclass
class Fake:
    """What it has, what it was asked, and how it misbehaves."""

    product: bool = True
    documents: list[tuple[str, str, Json]] = field(default_factory=list)
    asked: list[tuple[str, Json | None, dict[str, str]]] = field(default_factory=list)
    status: int = 200
    more: Json = field(default_factory=dict)

    def add(self, index: str, id_: str, source: Json) -> None:
        """A document."""
        self.documents.append((index, id_, source))

    @property
    def app(self) -> Starlette:
        """The application."""
        return Starlette(
            routes=[
                Route("/", self._root, methods=["GET", "HEAD"]),
                Route("/_bulk", self._bulk, methods=["POST", "PUT"]),
                Route("/{index}/_search", self._search, methods=["GET", "POST"]),
            ]
        )

    def _answer(self, body: Json, status: int = 200) -> Response:
        headers = {"X-Elastic-Product": "Elasticsearch"} if self.product else {}
        kind = "application/vnd.elasticsearch+json;compatible-with=9" if self.product else "application/json"
        return JSONResponse(body, status, headers, media_type=kind)

    def _refused(self) -> Response:
        return self._answer({"error": {"type": "security_exception", "reason": "told to"}, "status": 1}, self.status)

    async def _root(self, _request: Request) -> Response:
        return self._answer({"version": {"number": "9.1.0"}})

    async def _search(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append((request.url.path, body, dict(request.headers)))
        if self.status != 200:
            return self._refused()
        indexes = request.path_params["index"].split(",")
        found = []
        for number, (index, id_, source) in enumerate(self.documents):
            fields = dict(flat(source))
            if any(fnmatchcase(index, pattern) for pattern in indexes) and matches(body["query"], fields):
                at = moment_ns(fields["@timestamp"])
                found.append((at, number, {"_index": index, "_id": id_, "_source": source, "sort": [at, number]}))
        is_newest = body["sort"][0]["@timestamp"]["order"] == "desc"
        found.sort(key=lambda hit: hit[:2], reverse=is_newest)
        after = body.get("search_after")
        if after is not None:
            found = [h for h in found if (list(h[:2]) < after if is_newest else list(h[:2]) > after)]
        hits = [hit for _, _, hit in found[: body["size"]]]
        shards = {"total": 2, "successful": 2, "failed": 0}
        return self._answer({"took": 1, "timed_out": False, "_shards": shards, "hits": {"hits": hits}} | self.more)

    async def _bulk(self, request: Request) -> Response:
        lines = [json.loads(line) for line in (await request.body()).splitlines() if line]
        self.asked.append((request.url.path, None, dict(request.headers)))
        if self.status != 200:
            return self._refused()
        items: list[Json] = []
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            about = action["create"]
            ids = {(index, id_) for index, id_, _ in self.documents}
            if (about["_index"], about.get("_id")) in ids:
                error = {"type": "version_conflict_engine_exception", "reason": "document already exists"}
                items.append({"create": {"status": 409, "error": error}})
            elif document["message"] == "refuse me":
                items.append(
                    {"create": {"status": 400, "error": {"type": "document_parsing_exception", "reason": "x"}}}
                )
            else:
                self.add(about["_index"], about.get("_id", ""), document)
                items.append({"create": {"status": 201}})
        return self._answer({"errors": any(i["create"]["status"] > 299 for i in items), "items": items})


def matches(query: Json, fields: Json) -> bool:
    """Whether a query of these kinds holds for a document. Names with `.keyword` are those without."""
    [(kind, about)] = query.items()
    if kind == "match_all":
        return True
    if kind == "bool":
        should = about.get("should")
        return (
            all(matches(one, fields) for one in about.get("filter", ()))
            and not any(matches(one, fields) for one in about.get("must_not", ()))
            and (should is None or any(matches(one, fields) for one in should))
        )
    if kind == "multi_match":
        text = re.escape(about["query"].lower()) + ("" if about["type"] == "phrase_prefix" else r"\b")
        return any(re.search(rf"\b{text}", str(fields.get(name, "")).lower()) for name in about["fields"])
    if kind == "exists":
        return about["field"] in fields
    [(name, value)] = about.items()
    found = fields.get(name.removesuffix(".keyword"))
    return found is not None and any(_holds(kind, one, value) for one in _each(found))


def _each(found: Any) -> Iterator[Any]:
    yield from found if isinstance(found, tuple) else (found,)


def _holds(kind: str, found: Any, value: Any) -> bool:
    match kind:
        case "term":
            return str(found) == str(value)
        case "terms":
            return found in value
        case "wildcard":
            text, pattern = str(found), value["value"]
            return (
                fnmatchcase(text.lower(), pattern.lower())
                if value.get("case_insensitive")
                else fnmatchcase(text, pattern)
            )
        case "regexp":
            flags = re.IGNORECASE if value["case_insensitive"] else 0
            return re.fullmatch(value["value"], str(found), flags) is not None
        case "range" if value.get("format") == "epoch_millis":
            return bool(value["gte"] <= moment_ns(found) // 1_000_000 < value["lt"])
        case "range":
            [(word, bound)] = value.items()
            limit, number = float(bound), float(found)
            return {"lt": number < limit, "lte": number <= limit, "gt": number > limit, "gte": number >= limit}[word]
    raise AssertionError(f"the fake knows no {kind}")
