"""`/quality/cost`: this month against its budget and what it will come to; by system, query shape and pipeline."""

from __future__ import annotations

from starlette.responses import Response

from trimtab.app.business.answers.cost import costs
from trimtab.app.business.answers.satisfaction import satisfaction_row
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.quality.parts import TABS
from trimtab.web.view import segment

ROWS = 25


def cost(asked: Asked) -> Response:
    """The page, or its results alone."""
    answer = costs(asked.service, asked.query("system") or None, ROWS)
    now = asked.service.business.now
    money = answer.currency
    context = {
        "title": "Cost",
        "charts": True,
        "tabs": TABS,
        "answer": answer,
        "money": money,
        "used": answer.budget_used_ratio,
        "ahead": answer.forecast.middle / answer.budget if answer.forecast and answer.budget else None,
        "days": [cost for _, cost in now.cost.days][-28:],
        "problems": [told for name, told in now.problems if name in ("cost", "satisfaction", "series")],
        "satisfaction": [satisfaction_row(one) for one in now.satisfaction],
        "keys": ["named/spent/sum(processing_cost)", "named/budget/processing_cost_budget"],
        "segment_of": segment,
        "amount": amount,
    }
    return asked.page("quality_cost.html", "quality", context, fragments=("results",))


def amount(value: float | None) -> str:
    """Money without its currency: as many places as it takes to see it.

    >>> amount(1234.5), amount(0.5), amount(0.00012), amount(0.0)
    ('1,234.50', '0.50', '0.00012', '0.00')
    """
    if value is None:
        return "–"
    return f"{value:,.2f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"
