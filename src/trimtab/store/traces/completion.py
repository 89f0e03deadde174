"""Keys and values of attributes, for who types a search: what was written down by the day (`words`), the most frequent
of a sample of the newest spans first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from trimtab.store.effort import Effort
from trimtab.store.engine import Merge
from trimtab.store.traces.answers import Counted, CountedTexts
from trimtab.store.traces.searching import DAYS, INSIDE, days_of
from trimtab.store.traces.typed_json import text_of, values_of
from trimtab.store.traces.words import TABLE

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.store.telemetry import TelemetryStore

TEXTS_MAX = 1000
SAMPLE_SPANS = 20_000
SAMPLE_MS = 100.0
"""So long newer and newer pieces of time are looked into for a sample."""
_RESOURCES_MAX = 10_000
_WRITTEN_MAX = 20_000
_BY_TEXT = Merge(group_by=("text_",))
_OF_SERVICE = " AND service_name = {service:String}"


class Completion:
    """One question about attributes of the spans of a service ('': of all)."""

    def __init__(
        self, store: TelemetryStore, from_ms: int, to_ms: int, service: str, clock_s: Callable[[], float]
    ) -> None:
        self._store = store
        self._clock_s = clock_s
        self._from_ms, self._to_ms = from_ms, to_ms
        self._service = service
        self._missing: dict[str, None] = {}

    def keys(self) -> CountedTexts:
        """Those of the days of the range, resources' among them, on how many spans of the sample each is."""
        counts: Counter[str] = Counter(dict.fromkeys(self._written("key AS text_", "value = ''", {}), 0))
        for resource in self._resources():
            counts.update(dict.fromkeys(values_of(resource), 0))
        found, resources = self._sample(
            "SELECT key_ AS text_, count() AS n FROM (SELECT arrayJoin(mapKeys(attributes)) AS key_ FROM"
            " (SELECT attributes FROM spans WHERE {INSIDE} LIMIT {ROWS})) GROUP BY text_",
            {},
        )
        counts.update(found)
        for resource, count in resources.items():
            counts.update(dict.fromkeys(values_of(resource), count))
        return self._counted(counts, TEXTS_MAX)

    def values(self, key: str, prefix: str, limit: int) -> CountedTexts:
        """The same of one key, for values that begin so. Of a key with very many, those of the sample and some more."""
        begins = {"key": key, "prefix": prefix}
        written = self._written(
            "value AS text_", "key = {key:String} AND value <> '' AND startsWith(value, {prefix:String})", begins
        )
        counts: Counter[str] = Counter(dict.fromkeys(written, 0))
        resources_known = self._resources()
        found, resources = self._sample(
            "SELECT if(startsWith(value_, {prefix:String}), value_, '') AS text_, count() AS n FROM"
            " (SELECT attributes[{key:String}] AS value_ FROM spans WHERE {INSIDE}"
            " AND mapContains(attributes, {key:String}) LIMIT {ROWS}) GROUP BY text_ ORDER BY n DESC, text_"
            f" LIMIT {_WRITTEN_MAX}",
            begins,
        )
        found.pop("", None)
        counts.update(found)
        for resource, count in {**dict.fromkeys(resources_known, 0), **resources}.items():
            values = values_of(resource)
            if key in values and text_of(values[key]).startswith(prefix):
                counts.update({text_of(values[key]): count})
        return self._counted(counts, limit)

    def _written(self, columns: str, where: str, parameters: Mapping[str, object]) -> list[str]:
        table = self._gather(
            f"SELECT {columns} FROM {TABLE} WHERE {DAYS} AND {where}{self._of_service} GROUP BY text_"
            f" ORDER BY text_ LIMIT {_WRITTEN_MAX}",
            {**days_of(self._from_ms, self._to_ms), **parameters},
            Merge((("text_", "ascending"),), _WRITTEN_MAX, ("text_",)),
        )
        texts: list[str] = table["text_"].to_pylist()
        return texts

    def _resources(self) -> list[str]:
        table = self._gather(
            f"SELECT resource AS text_ FROM span_resources WHERE {DAYS}{self._of_service} GROUP BY text_"
            f" LIMIT {_RESOURCES_MAX}",
            days_of(self._from_ms, self._to_ms),
            _BY_TEXT,
        )
        texts: list[str] = table["text_"].to_pylist()
        return texts

    def _sample(self, counting: str, parameters: Mapping[str, object]) -> tuple[Counter[str], Counter[str]]:
        """How often `counting` found each text, and resources, among the newest spans."""
        counts: Counter[str] = Counter()
        resources: Counter[str] = Counter()
        inside = f"{INSIDE}{self._of_service}"
        sql = counting.replace("{INSIDE}", inside).replace("{ROWS}", str(SAMPLE_SPANS))
        of_resources = (
            "SELECT text_, count() AS n FROM (SELECT toString(resource) AS text_ FROM spans"
            f" WHERE {inside} LIMIT {SAMPLE_SPANS}) GROUP BY text_ LIMIT {_RESOURCES_MAX}"
        )
        for from_ms, to_ms in Effort(SAMPLE_MS, self._clock_s).pieces(self._from_ms, self._to_ms):
            window = {"from_ns": from_ms * 1_000_000, "to_ns": to_ms * 1_000_000, **parameters}
            counts.update(_counts(self._gather(sql, window, _BY_TEXT)))
            resources.update(_counts(self._gather(of_resources, window, _BY_TEXT)))
            if resources.total() >= SAMPLE_SPANS:
                break
        return counts, resources

    @property
    def _of_service(self) -> str:
        return _OF_SERVICE if self._service else ""

    def _gather(self, sql: str, parameters: Mapping[str, object], merge: Merge) -> pa.Table:
        if self._service:
            parameters = {**parameters, "service": self._service}
        gathered = self._store.gather(sql, parameters, merge)
        self._missing |= dict.fromkeys(gathered.missing)
        return gathered.table

    def _counted(self, counts: Mapping[str, int], limit: int) -> CountedTexts:
        ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:limit]
        return CountedTexts(tuple(Counted(text, count) for text, count in ordered), tuple(self._missing))


def _counts(table: pa.Table) -> dict[str, int]:
    return dict(zip(table["text_"].to_pylist(), table["n"].to_pylist(), strict=True))
