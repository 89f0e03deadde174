"""Files that take long exist, begin first, and are not dealt out twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.long_work_first import LONG, OF_THE_DAY, THEN, TOGETHER, rank_of, unit_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", [*LONG, *THEN, *TOGETHER, *OF_THE_DAY])
def test_what_is_named_is_there(name: str) -> None:
    assert (ROOT / name).exists()


@pytest.mark.parametrize("name", LONG)
def test_what_is_long_is_a_unit(name: str) -> None:
    assert unit_of(f"{name}::test_it") == name, "what stays with others begins with them"


def test_long_work_is_first_then_folders_of_long_files_then_many_tests() -> None:
    units = {"tests/sql/test_a.py": 3, "tests/sql/test_b.py": 700, "tests/api/test_c.py": 1, LONG[0]: 1}
    ranked = sorted(units, key=lambda unit: rank_of(unit, units[unit]))
    assert ranked == [LONG[0], "tests/api/test_c.py", "tests/sql/test_b.py", "tests/sql/test_a.py"]


def test_every_test_runs_once_and_files_stay_on_one_worker(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.long_work_first"]\n')
    for number, count in enumerate((1, 1, 5, 2, 3)):
        lines = [f"def test_{n}(worker_id, request): print('ran', request.path.name, worker_id)" for n in range(count)]
        (tmp_path / f"test_{number}.py").write_text("\n".join(lines))
    options = ("-q", "-rP", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile", "--rootdir", str(tmp_path))
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=300)
    assert "12 passed" in done.stdout, done.stdout + done.stderr
    ran = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("ran ")]
    assert len(ran) == 12
    assert len({tuple(one) for one in ran}) == 5, ran
