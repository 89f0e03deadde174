"""A bulk from its body to its answer: what is taken is on disk, and each item says what became of it."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from trimtab.api.elasticsearch.filter_path import Wanted
from trimtab.api.elasticsearch.recent_ids import RecentIds, key_of
from trimtab.api.elasticsearch.refusals import (
    COMING,
    DELETE,
    EXISTS,
    FULL,
    UPDATE,
    ItemRefusal,
    by_code,
    pipeline_refusal,
)
from trimtab.model.errors import SpoolFull
from trimtab.observe.elasticsearch.bulk import Action, Bulk
from trimtab.observe.elasticsearch.records import Records, records_of
from trimtab.store.limits import TelemetryLimits
from trimtab.store.logs.contract import LogStore

_DAY_NS = 86_400_000_000_000
_EDGE_NS = 60_000_000_000
"""Records so near to the end of what is kept are refused: else they might be too old before they are stored."""

CREATED, UPDATED = 201, 200
Outcome = int | ItemRefusal
"""What became of an item: a status below 300, or why it was not taken."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An id that a document of this request has."""

    place: int
    key: int
    content: int


class Documents:
    """Puts the documents of bulks into the store. Thread-safe; waits for the disk."""

    def __init__(self, logs: LogStore, limits: TelemetryLimits) -> None:
        self._logs = logs
        self._limits = limits
        self._recent = RecentIds()

    def take(self, body: bytearray, bulk: Bulk) -> list[Outcome]:
        """What became of each action. Raises SpoolFull where nothing could be stored."""
        outcomes: list[Outcome] = [CREATED] * len(bulk.actions)
        places, claimed = self._chosen(body, bulk, outcomes)
        stored: set[int] = set()
        try:
            if places:
                stored = self._store(body, bulk, places, outcomes)
        finally:
            for one in claimed:
                self._recent.settle(one.key, one.content, is_stored=one.place in stored)
        refused = Counter(one.counted for one in outcomes if isinstance(one, ItemRefusal) and one.counted)
        if refused:
            self._logs.refuse_records(refused)
        return outcomes

    def _chosen(self, body: bytearray, bulk: Bulk, outcomes: list[Outcome]) -> tuple[list[int], list[Claimed]]:
        """Places of the actions of which the documents are to be stored; the outcomes of the others are set."""
        places: list[int] = []
        claimed: list[Claimed] = []
        for place, action in enumerate(bulk.actions):
            refusal = _refused(action)
            if refusal is None and action.id:
                document = bytes(memoryview(body)[bulk.starts[place] : bulk.stops[place]])
                one = Claimed(place, key_of(action.index, action.id), hash(document))
                found = self._recent.claim(one.key, one.content)
                if found == "coming":
                    mine = next((other for other in reversed(claimed) if other.key == one.key), None)
                    if mine is not None:
                        found = "same" if mine.content == one.content else "another"
                if found == "store":
                    claimed.append(one)
                elif found == "coming":
                    refusal = COMING
                elif action.operation == "create":
                    refusal = EXISTS
                elif found == "same":
                    outcomes[place] = UPDATED
                    continue
            if refusal is None:
                places.append(place)
            else:
                outcomes[place] = refusal
        return places, claimed

    def _store(self, body: bytearray, bulk: Bulk, places: Sequence[int], outcomes: list[Outcome]) -> set[int]:
        """Store documents; answers the places of those that are on disk."""
        first_ns, last_ns = self._logs.window_ns
        numbers: dict[str, int] = {}
        index_numbers = [numbers.setdefault(bulk.actions[place].index, len(numbers)) for place in places]
        starts, stops = bulk.documents(list(places))
        bytes_max = self._limits.message_bytes_max
        records = records_of(
            body, starts, stops, list(numbers), index_numbers, (first_ns + _EDGE_NS, last_ns), bytes_max // 2
        )
        if len(records.good) < len(places):
            refusals = by_code(round((last_ns - first_ns) / _DAY_NS) - 1)
            for place, code in zip(places, records.codes.tolist(), strict=True):
                if code:
                    outcomes[place] = refusals[code]
        return self._append(records, places, outcomes, bytes_max)

    def _append(self, records: Records, places: Sequence[int], outcomes: list[Outcome], bytes_max: int) -> set[int]:
        good = [places[number] for number in records.good.tolist()]
        stored_count = 0
        for message in records.messages(bytes_max):
            try:
                self._logs.append_otlp(message.body)
            except SpoolFull:
                if not stored_count:
                    raise
                for place in good[message.first :]:
                    outcomes[place] = FULL
                break
            stored_count = message.last
        return set(good[:stored_count])


def _refused(action: Action) -> ItemRefusal | None:
    """Why an action is not taken, whatever its document."""
    if action.operation == "update":
        return UPDATE
    if action.operation == "delete":
        return DELETE
    if action.pipeline and action.pipeline != "_none":
        return pipeline_refusal(action.pipeline)
    return None


def bulk_answer(actions: Sequence[Action], outcomes: Sequence[Outcome], wanted: Wanted, began_s: float) -> bytes:
    """The answer to a bulk, as JSON. Items that have no id get one, as Elasticsearch gives it."""
    has_errors = any(isinstance(one, ItemRefusal) for one in outcomes)
    head = b""
    if wanted.has("took"):
        head += b'"took":%d,' % round((time.perf_counter() - began_s) * 1000)
    if wanted.has("errors"):
        head += b'"errors":%s,' % (b"true" if has_errors else b"false")
    if not wanted.has("items"):
        return b"{" + head.rstrip(b",") + b"}"
    has_id = wanted.has_of_item("_id")
    prefix = secrets.token_urlsafe(9) if has_id else ""
    pieces: dict[tuple[str, str, Outcome], bytes] = {}
    items = []
    for number, (action, outcome) in enumerate(zip(actions, outcomes, strict=True)):
        key = (action.operation, action.index, outcome)
        piece = pieces.get(key)
        if piece is None:
            piece = pieces[key] = msgspec.json.encode(_item(action, outcome, wanted))
        if has_id:
            told = msgspec.json.encode(action.id or f"{prefix}{number:08x}")
            piece = piece.replace(_ID, told, 1)
        items.append(piece)
    return b"{" + head + b'"items":[' + b",".join(items) + b"]}"


_MARK = "\x00id"
_ID = msgspec.json.encode(_MARK)


def _item(action: Action, outcome: Outcome, wanted: Wanted) -> dict[str, object]:
    """An item with a mark for its id."""
    item: dict[str, object] = {"_index": action.index, "_id": _MARK}
    if isinstance(outcome, ItemRefusal):
        item |= {"status": outcome.status, "error": {"type": outcome.kind, "reason": outcome.reason}}
    else:
        item |= {
            "_version": 1,
            "result": "created" if outcome == CREATED else "noop",
            "_shards": {"total": 1, "successful": 1, "failed": 0},
            "_seq_no": 0,
            "_primary_term": 1,
            "status": outcome,
        }
    return {action.operation: {name: value for name, value in item.items() if wanted.has_of_item(name)}}
