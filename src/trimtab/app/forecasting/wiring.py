"""Forecasts of a server, from its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from trimtab.app.forecasting.asking import Asking
from trimtab.app.forecasting.keeper import Forecasting

if TYPE_CHECKING:
    from trimtab.analyze.rules.rule_files import Group
    from trimtab.app.service import Service


def forecasting_of(service: Service) -> Forecasting:
    """Parts that are made later are asked for when they are needed."""

    def groups() -> Sequence[Group]:
        rules = service.alerting.rules
        return () if rules is None else rules.book.groups

    def asking(cancelled: Callable[[], bool]) -> Asking:
        return Asking(
            service.querying,
            lambda: service.read,
            service.packs,
            groups,
            lambda: sorted(service.objectives.standing.objectives),
            cancelled,
        )

    return Forecasting(
        lambda: service.config.forecast, service.state.database, asking, service.now_ms, service.events.publish
    )
