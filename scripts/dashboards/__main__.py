"""`python -m scripts.dashboards`: write the JSON; `--check`: only say what is not current, and exit with 1."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from scripts.dashboards import alerts, host, objectives, postgres, traces

FOLDER = Path(__file__).parents[2] / "src/trimtab/app/dashboards/builtin"
MADE = {"alerts": alerts, "host": host, "objectives": objectives, "postgres": postgres, "traces": traces}


def texts() -> Mapping[Path, str]:
    """Every file with what it should hold."""
    found = {}
    for name, module in MADE.items():
        built = module.made().build()
        found[FOLDER / f"{name}.json"] = json.dumps(built, cls=JSONEncoder, indent=1, sort_keys=True) + "\n"
    return found


def main(arguments: list[str]) -> int:
    """Write or check."""
    stale = [(file, text) for file, text in texts().items() if not file.exists() or file.read_text("utf-8") != text]
    for file, text in stale:
        print(file.name)
        if "--check" not in arguments:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    return int("--check" in arguments and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
