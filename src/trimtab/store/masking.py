"""What of traces and logs is not stored: attributes by their names, and what looks private by its text.

`Masking` is used where rows are made: by Python on what is there once for many rows (keys, names, resources), by
Arrow on columns of text, and by the engine through `keeps_sql` and `text_sql`.

>>> masking = Masking(deny=("http.request.header.*",), patterns=(r"[\\w.]+@[\\w.]+",))
>>> masking.keeps("http.request.header.cookie"), masking.keeps("http.route")
(False, True)
>>> masking.text("from ann@example.org to bob@example.org")
'from *** to ***'
>>> masking.keeps_sql("key")
"NOT match(key, '^(http\\\\\\\\.request\\\\\\\\.header\\\\\\\\..*)$')"
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from trimtab.store.engine import quoted
from trimtab.store.traces.typed_json import json_of, plain_of, text_json

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.model.privacy import PrivacyPolicy
    from trimtab.store.traces.answers import Value

MASK = "***"
ALWAYS_KEPT = "service.name"


@dataclass(frozen=True)
class Masking:
    """`deny` and `allow` are names of attributes, with `*` for anything. An `allow` that is empty allows all; it says
    nothing of resources. `patterns` are regular expressions (RE2): what they match in values becomes `***`."""

    deny: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @cached_property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.deny or self.allow or self.patterns)

    @cached_property
    def _denied(self) -> re.Pattern[str] | None:
        return re.compile(_any_of(self.deny), re.DOTALL) if self.deny else None

    @cached_property
    def _allowed(self) -> re.Pattern[str] | None:
        return re.compile(_any_of(self.allow), re.DOTALL) if self.allow else None

    @cached_property
    def _replaced(self) -> Sequence[object]:
        import re2

        return [re2.compile(pattern) for pattern in self.patterns]

    def keeps(self, name: str, *, of_resource: bool = False) -> bool:
        """Whether attributes of this name are stored."""
        if name == ALWAYS_KEPT:
            return True
        if self._denied is not None and self._denied.fullmatch(name):
            return False
        return of_resource or self._allowed is None or self._allowed.fullmatch(name) is not None

    def text(self, text: str) -> str:
        """A text as it is stored."""
        for pattern in self._replaced:
            text = pattern.sub(MASK, text)  # type: ignore[attr-defined]
        return text

    def texts(self, texts: Iterable[str]) -> list[str]:
        """Texts as they are stored."""
        return [self.text(text) for text in texts] if self.patterns else list(texts)

    def column(self, texts: pa.StringArray) -> pa.StringArray:
        """A column of texts as it is stored."""
        import pyarrow.compute as pc

        for pattern in self.patterns:
            texts = pc.replace_substring_regex(texts, pattern, MASK)
        return texts

    def json(self, text: str, *, of_resource: bool = False) -> str:
        """Attributes, or a list of events or links, as JSON of the store; as they are stored."""
        if self.is_idle or text in {"", "{}"}:
            return text
        return _masked_json(self, text, of_resource=of_resource)

    def json_column(self, texts: pa.StringArray) -> pa.StringArray:
        """A column of such JSON, most of whose texts are empty."""
        if self.is_idle:
            return texts
        import pyarrow as pa

        masked: pa.StringArray = pa.array([self.json(text) for text in texts.to_pylist()], pa.string())  # type: ignore[assignment]
        return masked

    def keeps_sql(self, name: str) -> str:
        """SQL: whether an attribute of a span, an event or a log record with the name `name` (SQL) is stored."""
        conditions = []
        if self.deny:
            conditions.append(f"NOT match({name}, {quoted(f'^({_any_of(self.deny)})$')})")
        if self.allow:
            conditions.append(f"match({name}, {quoted(f'^({_any_of(self.allow)})$')})")
        return " AND ".join(conditions) or "true"

    def text_sql(self, text: str) -> str:
        """SQL for a text (SQL) as it is stored."""
        for pattern in self.patterns:
            text = f"replaceRegexpAll({text}, {quoted(pattern)}, '{MASK}')"
        return text


NO_MASKING = Masking()


def masking_of(policy: PrivacyPolicy) -> Masking:
    """What the settings say."""
    return Masking(policy.attributes_deny, policy.attributes_allow, policy.mask_patterns)


def _any_of(names: Sequence[str]) -> str:
    """A regular expression for names with `*`, for Python and RE2."""
    return "|".join(".*".join(re.escape(part) for part in name.split("*")) for name in names)


@lru_cache(4096)
def _masked_json(masking: Masking, text: str, *, of_resource: bool) -> str:
    found = plain_of(text)
    if isinstance(found, dict):
        return json_of(_masked_values(masking, found, of_resource=of_resource))
    if not isinstance(found, tuple):
        return text
    items: list[dict[str, Value]] = []
    for item in found:
        if isinstance(item, dict):
            attributes = item.get("attributes")
            name = item.get("name")
            kept = _masked_values(masking, attributes if isinstance(attributes, dict) else {}, of_resource=False)
            named: dict[str, Value] = {"name": masking.text(name)} if isinstance(name, str) else {}
            items.append({**item, **named, "attributes": kept})
    return text_json(tuple(items))


def _masked_values(masking: Masking, values: dict[str, Value], *, of_resource: bool) -> dict[str, Value]:
    return {
        key: _masked(masking, value) for key, value in values.items() if masking.keeps(key, of_resource=of_resource)
    }


def _masked(masking: Masking, value: Value) -> Value:
    if isinstance(value, str):
        return masking.text(value)
    if isinstance(value, tuple):
        return tuple(_masked(masking, item) for item in value)
    if isinstance(value, dict):
        return {key: _masked(masking, item) for key, item in value.items()}
    return value
