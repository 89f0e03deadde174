"""The tabs of infrastructure, the same on each of its pages."""

from __future__ import annotations

TABS = (
    ("hosts", "Hosts", "/infrastructure"),
    ("containers", "Containers", "/infrastructure/containers"),
    ("cloud", "Cloud", "/infrastructure/cloud"),
)
