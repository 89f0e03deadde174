"""How the harness tells the application what goes wrong in it: a small file that is replaced as a whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

CONTROL_FILE = "control.json"


@dataclass(frozen=True, slots=True)
class Control:
    """`surge` multiplies the rate of all requests but the night's reports; `leak_bytes_s` is kept and never used."""

    surge: float = 1.0
    leak_bytes_s: float = 0.0


def write(folder: Path, control: Control) -> None:
    """Put it there."""
    temporary = folder / (CONTROL_FILE + ".tmp")
    temporary.write_text(json.dumps(asdict(control)))
    temporary.replace(folder / CONTROL_FILE)


def read(folder: Path) -> Control:
    """What is there; the usual where nothing is."""
    file = folder / CONTROL_FILE
    return Control(**json.loads(file.read_text())) if file.exists() else Control()
