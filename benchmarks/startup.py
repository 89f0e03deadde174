"""How quickly `trimtab up` answers: median of five warm starts, on a data directory that is in use.

python -m benchmarks.startup
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT_S = 60.0
LIMIT_S = 3.0


def start_once(data_dir: Path) -> float:
    """Seconds from the start of the process to its first 200 on /healthz; the server is stopped again."""
    begun = time.monotonic()
    command = [
        str(Path(sys.executable).parent / "trimtab"),
        "up",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        str(data_dir),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            url = _url(process, data_dir, begun)
            while time.monotonic() - begun < TIMEOUT_S:
                try:
                    with urllib.request.urlopen(f"{url}/healthz", timeout=1) as answer:  # noqa: S310  # our own server
                        if answer.status == 200:
                            return time.monotonic() - begun
                except urllib.error.URLError:
                    time.sleep(0.01)
            raise RuntimeError(f"no answer within {TIMEOUT_S:g} s")
        finally:
            process.terminate()
            code = process.wait(timeout=30)
            if code != 0:
                raise RuntimeError(f"SIGTERM ended with {code}: {process.stderr.read() if process.stderr else ''}")


def _url(process: subprocess.Popen[str], data_dir: Path, begun: float) -> str:
    note = data_dir / "server.json"
    while time.monotonic() - begun < TIMEOUT_S:
        if process.poll() is not None:
            raise RuntimeError(f"ended: {process.stderr.read() if process.stderr else ''}")
        if note.exists() and json.loads(note.read_text())["pid"] == process.pid:
            return str(json.loads(note.read_text())["url"])
        time.sleep(0.01)
    raise RuntimeError(f"did not start within {TIMEOUT_S:g} s")


def main() -> int:
    """Print the starts; 1 when the median is over the limit."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        cold = start_once(data_dir)
        warm = [start_once(data_dir) for _ in range(5)]
    median = statistics.median(warm)
    print(f"trimtab up answers: first {cold:.2f} s, then {', '.join(f'{s:.2f}' for s in warm)} s")
    print(f"median of five warm starts {median:.2f} s (limit {LIMIT_S:g} s)")
    return 0 if median <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
