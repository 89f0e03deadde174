"""`filter_path`: which fields of the answer to a bulk the client wants to see. Filebeat asks for errors alone."""

from __future__ import annotations

from dataclasses import dataclass

TOP = ("took", "errors", "items")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Fields of the answer, and fields of each item; None: all of them."""

    top: frozenset[str] | None = None
    item: frozenset[str] | None = None

    def has(self, name: str) -> bool:
        """Whether a field of the answer is wanted."""
        return self.top is None or name in self.top

    def has_of_item(self, name: str) -> bool:
        """Whether a field of items is wanted."""
        return self.item is None or name in self.item


ALL = Wanted()


def wanted_of(filter_path: str) -> Wanted:
    """What a filter wants. Patterns beyond those that clients send (`-name`, `**`) are taken for "everything".

    >>> wanted_of("errors,items.*.error,items.*.status") == Wanted(
    ...     frozenset({"errors", "items"}), frozenset({"error", "status"})
    ... )
    True
    >>> wanted_of("items.create.status").has("took"), wanted_of("").has("took"), wanted_of("-took").has("took")
    (False, True, True)
    """
    top: set[str] = set()
    item: set[str] = set()
    for pattern in filter(None, (part.strip() for part in filter_path.split(","))):
        parts = pattern.split(".")
        if parts[0] not in TOP or (len(parts) > 1 and parts[0] != "items"):
            return ALL
        top.add(parts[0])
        if parts[0] == "items":
            if len(parts) < 3 or "*" in parts[2] or len(parts[2]) > 30:
                return ALL
            item.add(parts[2])
    return Wanted(frozenset(top), frozenset(item) if item else None) if top else ALL
