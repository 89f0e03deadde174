"""What the demo needs on this machine, and the command that would put it there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from demo.cluster import ClusterError, server_dir, server_user
from demo.keep.kept import temporary_parent

INSTALL = "scripts/install-postgresql.sh"
DISK_BYTES_MIN = 4 * 1024**3


class NeedMissing(RuntimeError):
    """Something is not there; the message says what and how to get it."""


def trimtab_program() -> Path:
    """The `trimtab` command beside the Python that runs the demo."""
    return Path(sys.executable).parent / "trimtab"


def extension_folder(programs: Path) -> Path:
    """Where the server whose programs are in `programs` looks for extensions."""
    config = programs / "pg_config"
    if config.exists():
        told = subprocess.run([str(config), "--sharedir"], capture_output=True, text=True, timeout=10, check=False)
        if told.returncode == 0:
            return Path(told.stdout.strip()) / "extension"
    return Path("/usr/share/postgresql") / programs.parent.name / "extension"  # Debian's layout


def check() -> None:
    """Look for everything before anything is started; NeedMissing names the first thing that is not there."""
    try:
        programs = server_dir()
        server_user()
    except ClusterError as error:
        raise NeedMissing(f"{error}\nrun {INSTALL} to install it") from error
    if shutil.which("psql") is None:
        raise NeedMissing(f"the program psql is not there: run {INSTALL} to install postgresql-client")
    folder = extension_folder(programs)
    for extension, package in (("hypopg", "postgresql-15-hypopg"), ("pg_stat_statements", "postgresql-contrib")):
        if not (folder / f"{extension}.control").exists():
            raise NeedMissing(f"the extension {extension} is not there: run {INSTALL} to install {package}")
    if not trimtab_program().exists():
        raise NeedMissing(f"{trimtab_program()} is not there: 'make install' sets up the virtual environment")
    parent = temporary_parent()
    free = shutil.disk_usage(parent).free
    if free < DISK_BYTES_MIN:
        raise NeedMissing(f"{parent} has {free / 1024**3:.1f} GiB free, the demo needs {DISK_BYTES_MIN / 1024**3:.0f}")
