"""Chance for the application: who comes, what they look at. A few tenants and products draw most of the traffic."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence


class Draws:
    """Draws of one worker; the same seed gives the same sequence.

    `rows` is how many rows each table had when it was filled; `emails` are some that exist.

    >>> Draws(7, {"orders": 400_000}, ("Anna.Berg1@Example.com",)).order_number()
    'O-000169782'
    """

    def __init__(self, seed: int, rows: Mapping[str, int], emails: Sequence[str]) -> None:
        self._random = random.Random(seed)
        self._rows = rows
        self._emails = emails

    def uniform(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return self._random.uniform(low, high)

    def between(self, low: int, high: int) -> int:
        """A whole number in low..high, both included."""
        return self._random.randint(low, high)

    def pick(self, *words: str) -> str:
        """One of the words."""
        return self._random.choice(words)

    def zipf(self, ranks_count: int) -> int:
        """A rank in 1..ranks_count; rank r comes about 1/r as often as rank 1."""
        return min(ranks_count, int(math.exp(self._random.random() * math.log(ranks_count + 1))))

    def row(self, table: str) -> int:
        """The id of a row that was there from the start."""
        return self._random.randint(1, self._rows[table])

    def tenant(self) -> int:
        """A tenant, the big ones more often."""
        return self.zipf(self._rows["tenants"])

    def product(self) -> int:
        """A product, the popular ones more often."""
        return self.zipf(self._rows["products"])

    def email(self) -> str:
        """An address somebody signs in with, in lower case."""
        return self._random.choice(self._emails).lower()

    def sku(self) -> str:
        """The article number of a product, in lower case, as people type it."""
        return f"sku-{self.product():08d}"

    def order_number(self) -> str:
        """The number of an order."""
        return f"O-{self.row('orders'):09d}"

    def payment_reference(self) -> str:
        """The provider's reference of a payment."""
        return "pay_" + _digest(str(self.row("payments")))

    def session(self) -> str:
        """A browser session of some events."""
        return _digest(f"s{self.row('events') // 4}")


def _digest(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
