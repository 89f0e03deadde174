"""Changes of level of a server, from its parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trimtab.app.change_points.keeper import ChangePoints
from trimtab.app.forecasting.asking import Asking

if TYPE_CHECKING:
    from trimtab.app.change_points.beside import Stores
    from trimtab.app.service import Service


def change_points_of_service(service: Service) -> ChangePoints:
    """Parts that are made later are asked for when they are needed."""

    def asking(cancelled: Callable[[], bool]) -> Asking:
        return Asking(service.querying, lambda: service.read, service.packs, tuple, list, cancelled)

    def stores() -> Stores:
        from trimtab.app.change_points.beside import Stores

        return Stores(service.telemetry, service.state)

    return ChangePoints(
        lambda: service.config.change_points,
        service.state.database,
        asking,
        stores,
        service.now_ms,
        service.events.publish,
    )
