"""Charts of values that are all below zero, and all the same: a budget that is overspent has no other."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Route, expect

from tests.browser.chromium import Visitor
from tests.browser.waiting import drawn, open_page

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]

OVERSPENT = -9900.0


def test_a_chart_of_values_below_zero_is_drawn(visitor: Visitor) -> None:
    def changed(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        for line in told["series"]:
            line["values"] = [None if one is None else OVERSPENT for one in line["values"]]
        route.fulfill(response=answer, body=json.dumps(told))

    visitor.page.route("**/series?*", changed)
    open_page(visitor.page, "/")
    drawn(visitor.page)
    expect(visitor.page.get_by_text("Could not load this chart")).to_have_count(0)
