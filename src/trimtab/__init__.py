"""trimtab closes the performance loop for data systems.

>>> import trimtab
>>> sorted(trimtab.__all__)
['AutomatedRemediation', 'InfrastructureMonitor', 'PerformanceAlerts', 'QueryOptimizer', 'SLI',
 'ServiceLevelIndicators']
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.sdk.automated_remediation import AutomatedRemediation
    from trimtab.sdk.infrastructure_monitor import InfrastructureMonitor
    from trimtab.sdk.performance_alerts import PerformanceAlerts
    from trimtab.sdk.query_optimizer import QueryOptimizer
    from trimtab.sdk.service_level_indicators import SLI, ServiceLevelIndicators

__all__ = [
    "SLI",
    "AutomatedRemediation",
    "InfrastructureMonitor",
    "PerformanceAlerts",
    "QueryOptimizer",
    "ServiceLevelIndicators",
]

_LAZY = {
    "AutomatedRemediation": "trimtab.sdk.automated_remediation",
    "InfrastructureMonitor": "trimtab.sdk.infrastructure_monitor",
    "PerformanceAlerts": "trimtab.sdk.performance_alerts",
    "QueryOptimizer": "trimtab.sdk.query_optimizer",
    "SLI": "trimtab.sdk.service_level_indicators",
    "ServiceLevelIndicators": "trimtab.sdk.service_level_indicators",
}


def __getattr__(name: str) -> object:
    """Import a public class on first use, so that `import trimtab` stays quick."""
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'trimtab' has no attribute {name!r}")
