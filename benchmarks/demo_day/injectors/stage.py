"""What a fault is injected into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from demo.cluster import Cluster
from demo.database import DATABASE
from demo.keep.kept import Kept


@dataclass(frozen=True, slots=True)
class Stage:
    """`application` is the folder of the application, with its `control`; `minute_s` is how long a minute takes."""

    kept: Kept
    cluster: Cluster
    application: Path
    minute_s: float
    database: str = DATABASE


@dataclass(frozen=True, slots=True)
class Did:
    """What exactly was done, and to which table where it is one."""

    about: str
    table: str = ""
