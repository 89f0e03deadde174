"""The list of decisions (ADRs), read off their titles."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "adr"


def decisions_block() -> str:
    """A line for each, by number."""
    files = sorted(FOLDER.glob("*.md"))
    return "\n".join(f"* [{_title(file)}](adr/{file.name})" for file in files)


def _title(file: Path) -> str:
    return file.read_text("utf-8").partition("\n")[0].lstrip("# ").strip()
