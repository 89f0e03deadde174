"""trimtab closes the performance loop for data systems.

>>> import trimtab
>>> sorted(trimtab.__all__)
['AutomatedRemediation', 'QueryOptimizer']
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.sdk.automated_remediation import AutomatedRemediation
    from trimtab.sdk.query_optimizer import QueryOptimizer

__all__ = ["AutomatedRemediation", "QueryOptimizer"]

_LAZY = {
    "AutomatedRemediation": "trimtab.sdk.automated_remediation",
    "QueryOptimizer": "trimtab.sdk.query_optimizer",
}


def __getattr__(name: str) -> object:
    """Import a public class on first use, so that `import trimtab` stays quick."""
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'trimtab' has no attribute {name!r}")
