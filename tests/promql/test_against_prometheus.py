"""The public compliance queries, asked of trimtab and of Debian's Prometheus on the same samples."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.store, pytest.mark.slow]


def test_every_compliance_query_has_the_answer_of_prometheus(shared_promql: Path, closed: str, reference: str) -> None:
    command = [sys.executable, "compare.py", "--reference", reference, "--test", closed, "--write"]
    done = subprocess.run(command, cwd=shared_promql, capture_output=True, text=True, timeout=600, check=False)
    print(done.stdout[-5000:])
    assert done.stdout.strip().splitlines()[-1].startswith("539 passed, 0 failed"), done.stdout[-3000:] + done.stderr
