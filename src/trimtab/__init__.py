"""trimtab closes the performance loop for data systems.

>>> import trimtab
>>> sorted(trimtab.__all__)
['AIPerformanceProfiler', 'AutomatedRemediation', 'CPUMetric', 'CostMetric', 'DataSystemMonitoringStack',
 'DiskIOMetric', 'ErrorRateMetric', 'FreshnessMetric', 'GrafanaDashboards', 'InfrastructureMonitor',
 'LatencyMetric', 'MemoryMetric', 'NetworkIOMetric', 'PerformanceAlerts', 'PredictivePerformanceMonitor',
 'QualityMetric', 'QueryExecution', 'QueryOptimizer', 'RealTimePerformanceTracker', 'SLI', 'SatisfactionMetric',
 'ServiceLevelIndicators', 'StorageMetric', 'SuccessRateMetric', 'ThroughputMetric', 'is_containerized']
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.sdk.ai_performance_profiler import AIPerformanceProfiler
    from trimtab.sdk.automated_remediation import AutomatedRemediation
    from trimtab.sdk.data_system_monitoring_stack import DataSystemMonitoringStack
    from trimtab.sdk.grafana_dashboards import GrafanaDashboards
    from trimtab.sdk.infrastructure_monitor import InfrastructureMonitor, is_containerized
    from trimtab.sdk.monitoring_metrics import (
        CostMetric,
        CPUMetric,
        DiskIOMetric,
        ErrorRateMetric,
        FreshnessMetric,
        LatencyMetric,
        MemoryMetric,
        NetworkIOMetric,
        QualityMetric,
        SatisfactionMetric,
        StorageMetric,
        SuccessRateMetric,
        ThroughputMetric,
    )
    from trimtab.sdk.performance_alerts import PerformanceAlerts
    from trimtab.sdk.predictive_performance_monitor import PredictivePerformanceMonitor
    from trimtab.sdk.query_optimizer import QueryOptimizer
    from trimtab.sdk.real_time_performance_tracker import QueryExecution, RealTimePerformanceTracker
    from trimtab.sdk.service_level_indicators import SLI, ServiceLevelIndicators

__all__ = [
    "SLI",
    "AIPerformanceProfiler",
    "AutomatedRemediation",
    "CPUMetric",
    "CostMetric",
    "DataSystemMonitoringStack",
    "DiskIOMetric",
    "ErrorRateMetric",
    "FreshnessMetric",
    "GrafanaDashboards",
    "InfrastructureMonitor",
    "LatencyMetric",
    "MemoryMetric",
    "NetworkIOMetric",
    "PerformanceAlerts",
    "PredictivePerformanceMonitor",
    "QualityMetric",
    "QueryExecution",
    "QueryOptimizer",
    "RealTimePerformanceTracker",
    "SatisfactionMetric",
    "ServiceLevelIndicators",
    "StorageMetric",
    "SuccessRateMetric",
    "ThroughputMetric",
    "is_containerized",
]

_LAZY = {
    "AIPerformanceProfiler": "trimtab.sdk.ai_performance_profiler",
    "AutomatedRemediation": "trimtab.sdk.automated_remediation",
    "CPUMetric": "trimtab.sdk.monitoring_metrics",
    "CostMetric": "trimtab.sdk.monitoring_metrics",
    "DataSystemMonitoringStack": "trimtab.sdk.data_system_monitoring_stack",
    "DiskIOMetric": "trimtab.sdk.monitoring_metrics",
    "ErrorRateMetric": "trimtab.sdk.monitoring_metrics",
    "FreshnessMetric": "trimtab.sdk.monitoring_metrics",
    "GrafanaDashboards": "trimtab.sdk.grafana_dashboards",
    "InfrastructureMonitor": "trimtab.sdk.infrastructure_monitor",
    "LatencyMetric": "trimtab.sdk.monitoring_metrics",
    "MemoryMetric": "trimtab.sdk.monitoring_metrics",
    "NetworkIOMetric": "trimtab.sdk.monitoring_metrics",
    "PerformanceAlerts": "trimtab.sdk.performance_alerts",
    "PredictivePerformanceMonitor": "trimtab.sdk.predictive_performance_monitor",
    "QualityMetric": "trimtab.sdk.monitoring_metrics",
    "QueryExecution": "trimtab.sdk.real_time_performance_tracker",
    "QueryOptimizer": "trimtab.sdk.query_optimizer",
    "RealTimePerformanceTracker": "trimtab.sdk.real_time_performance_tracker",
    "SLI": "trimtab.sdk.service_level_indicators",
    "SatisfactionMetric": "trimtab.sdk.monitoring_metrics",
    "ServiceLevelIndicators": "trimtab.sdk.service_level_indicators",
    "StorageMetric": "trimtab.sdk.monitoring_metrics",
    "SuccessRateMetric": "trimtab.sdk.monitoring_metrics",
    "ThroughputMetric": "trimtab.sdk.monitoring_metrics",
    "is_containerized": "trimtab.sdk.infrastructure_monitor",
}


def __getattr__(name: str) -> object:
    """Import what is public on first use, so that `import trimtab` stays quick."""
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'trimtab' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What completion in a shell shows: the public names, though none of them is imported yet."""
    return sorted({*globals(), *__all__})
