"""Configuration: the file, when it was read, what is wrong with it now, and every setting with its source."""

from __future__ import annotations

from trimtab.app.config_status import config_status
from trimtab.app.settings import SECTIONS
from trimtab.web.pages.frame import Asked

SEARCH_CHARS_MAX = 100


def context(asked: Asked) -> dict[str, object]:
    """All settings, or those whose name or description has every word of `?q=`."""
    names = [known.name for known in asked.service.state.systems()]
    status = config_status(asked.service.policies, None, names)
    search = asked.query("q")[:SEARCH_CHARS_MAX]
    words = search.lower().split()
    shown = [now for now in status.settings if all(word in f"{now.name} {now.doc}".lower() for word in words)]
    return {
        "status": status,
        "search": search,
        "sections": [
            (section, found)
            for section in SECTIONS.values()
            if (found := [now for now in shown if now.section == section.name])
        ],
        "changed": sum(now.value != now.default for now in status.settings),
    }
