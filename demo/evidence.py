"""What stays of a run in `demo-logs/`: evidence for the cross-check, or the logs of a run that failed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from demo.crosscheck import EVIDENCE_FOLDER
from demo.load.application import LATENCY_FILE, STATEMENTS_FILE

LOGS_FOLDER = EVIDENCE_FOLDER.parent
COUNTERS_FILE = "counters.tsv"
QUERIES_FILE = "queries.jsonl"
FLUSH_S = 1.5
"""The application hands its log over once a second."""


def save_evidence(application_folder: Path, audit_dsn: str) -> Path:
    """Copy what the application and psql wrote; psql adds the texts of its query ids."""
    time.sleep(FLUSH_S)
    shutil.rmtree(EVIDENCE_FOLDER, ignore_errors=True)
    EVIDENCE_FOLDER.mkdir(parents=True)
    for name in (LATENCY_FILE, STATEMENTS_FILE, COUNTERS_FILE):
        shutil.copy(application_folder / name, EVIDENCE_FOLDER / name)
    query = "SELECT json_build_object('queryid', queryid::text, 'query', query) FROM pg_stat_statements"
    with (EVIDENCE_FOLDER / QUERIES_FILE).open("wb") as out:
        command = ["psql", "-X", "-q", "-A", "-t", "-d", audit_dsn, "-c", query]
        subprocess.run(command, stdout=out, timeout=30, check=True)
    return EVIDENCE_FOLDER


def save_logs(folder: Path) -> None:
    """Keep the logs of a run that failed, and say where."""
    LOGS_FOLDER.mkdir(exist_ok=True)
    saved = [Path(shutil.copy(log, LOGS_FOLDER / log.name)).name for log in sorted(folder.glob("*.log"))]
    if saved:
        print(f"demo: logs are in {LOGS_FOLDER}/: {', '.join(saved)}", file=sys.stderr)
