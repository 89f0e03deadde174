"""Series about data, pipelines, cost and satisfaction, and the price lists of the package."""

from __future__ import annotations

from docs.generate.markdown import code, table
from trimtab.analyze.cost.prices import PER
from trimtab.app.business.reading import price_lists
from trimtab.model.business import NAMES


def business_series_block() -> str:
    """A row for each series."""
    rows = [[code(one.name), one.unit or "–", ", ".join(map(code, one.labels)), one.help] for one in NAMES]
    return table(["series", "unit", "labels", "what it says"], rows)


def price_lists_block() -> str:
    """A row for each price that comes with trimtab."""
    rows = [
        [
            code(name),
            one.resource.value,
            f"{one.price:g} {listed.currency} per {PER[one.resource]}",
            one.as_of,
            one.source,
        ]
        for name, listed in price_lists().items()
        for one in listed.prices
    ]
    return table(["list", "resource", "price", "as of", "source"], rows)
