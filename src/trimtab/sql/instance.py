"""Which trimtab this process is, for those who look at a server's sessions: another one there has another mark."""

from __future__ import annotations

import uuid

INSTANCE = uuid.uuid4().hex[:8]
"""Drawn when the process starts; says nothing about the machine."""
