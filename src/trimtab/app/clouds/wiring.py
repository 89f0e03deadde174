"""Cloud accounts of a server, from its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.app.clouds.clouds import Clouds
from trimtab.app.events import EventKind

if TYPE_CHECKING:
    from trimtab.app.service import Service


def clouds_of(service: Service) -> Clouds:
    """Each look is an event with the accounts that were looked at."""
    return Clouds(
        service.config.clouds,
        service.now_ms,
        metrics=lambda: getattr(service.telemetry, "metrics", None),
        on_look=lambda keys: service.events.publish(
            EventKind.CLOUDS, {"accounts": sorted({key.account for key in keys})}
        ),
    )
