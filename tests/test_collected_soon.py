"""Modules without examples can be imported; what is left out has nothing to run."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.collected_soon import EXAMPLE, can_be_chosen, marks_of_file
from trimtab.store.compiled import SUFFIX

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
UNIT = "not postgres and not store and not slow and not browser"


@pytest.mark.slow
def test_every_module_without_examples_can_be_imported() -> None:
    source = ROOT / "src"
    paths = [path for path in source.rglob("*.py") if EXAMPLE not in path.read_text(encoding="utf-8")]
    names = [".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    assert len(names) > 500
    assert any(name.endswith(SUFFIX.removesuffix(".py")) for name in names)
    for name in sorted(names):
        if not name.endswith(".__main__"):
            importlib.import_module(name)


@pytest.mark.parametrize(
    ("marks", "expression", "is_it"),
    [
        ("store", UNIT, False),
        ("slow store", UNIT, False),
        ("", UNIT, True),
        ("versions", UNIT, True),
        ("store", "slow", True),
        ("store", "not store or slow", True),
        ("store", "(slow or browser) and not store", False),
    ],
)
def test_what_may_be_chosen(marks: str, expression: str, is_it: bool) -> None:
    assert can_be_chosen(frozenset(marks.split()), expression) is is_it


@pytest.mark.parametrize(
    ("line", "marks"),
    [
        ("pytestmark = pytest.mark.store", {"store"}),
        (
            "pytestmark = [\n    pytest.mark.store,\n    pytest.mark.slow,\n]\nx = [pytest.mark.browser]",
            {"store", "slow"},
        ),
        ("pytestmark = ELSEWHERE\n@pytest.mark.slow\ndef test_it(): ...", set()),
        ("@pytest.mark.slow\ndef test_it(): ...", set()),
    ],
)
def test_marks_are_read_as_they_stand(line: str, marks: set[str]) -> None:
    assert marks_of_file(f"import pytest\n\n{line}\n") == marks


def test_the_same_tests_run_and_files_without_any_are_not_imported(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.collected_soon"]\n')
    head = "import pytest\n"
    (tmp_path / "test_all_slow.py").write_text(f"{head}pytestmark = pytest.mark.slow\nraise RuntimeError('imported')\n")
    (tmp_path / "test_some_slow.py").write_text(
        f"{head}@pytest.mark.slow\ndef test_it(): assert False\ndef test_that(): pass\n"
    )
    (tmp_path / "told.py").write_text('def one():\n    """\n    >>> one()\n    1\n    """\n    return 1\n')
    (tmp_path / "untold.py").write_text("raise RuntimeError('imported')\n")
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-n",
        "0",
        "--doctest-modules",
        "--rootdir",
        str(tmp_path),
        "-m",
        "not slow",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-m", "not slow", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "2 passed, 1 deselected" in done.stdout, done.stdout + done.stderr
