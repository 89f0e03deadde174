"""Figures of the business of a server, from its parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.app.business.files import FOLDER
from trimtab.app.business.keeper import Business

if TYPE_CHECKING:
    from trimtab.app.service import Service


def business_of(service: Service, now_ms: Callable[[], int], folder: Path) -> Business:
    """`folder`: where the server keeps its files; its own is made inside."""
    return Business(
        lambda: service.config.business,
        service.telemetry,
        service.state,
        service.querying,
        now_ms,
        folder / FOLDER,
    )
