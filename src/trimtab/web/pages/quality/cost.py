"""`/quality/cost`: this month against its budget and what it will come to; by system, query shape and pipeline."""

from __future__ import annotations

from starlette.responses import Response

from trimtab.analyze.cost.prices import Resource
from trimtab.app.business.answers.cost import costs
from trimtab.model.readable import money_text
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
        "metered": any(row.resource != Resource.FIXED for row in answer.prices),
        "ahead": answer.forecast.middle / answer.budget if answer.forecast and answer.budget else None,
        "days": [cost for _, cost in now.cost.days][-28:],
        "problems": [told for name, told in now.problems if name in ("cost", "series")],
        "keys": ["named/spent/sum(processing_cost)", "named/budget/processing_cost_budget"],
        "segment_of": segment,
        "amount": money_text,
    }
    return asked.page("quality_cost.html", "quality", context, fragments=("results",))
