"""`server.json` in the data directory: how commands of the same person on the same machine find the running server.

It is readable by its owner alone. Where a login is needed it holds a token that dies with the process: whoever may read
the data directory could change everything in it anyway.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from trimtab.model.errors import ServerUnreachable

SERVER_FILE = "server.json"


@dataclass(frozen=True, slots=True)
class ServerNote:
    """Where the server is. `certificate` is the file of the one that it shows, in the case of TLS."""

    url: str
    pid: int
    token: str | None = None
    certificate: str | None = None

    def write(self, data_dir: Path) -> None:
        """Put it there as a whole, or not at all."""
        temporary = data_dir / f"{SERVER_FILE}.tmp"
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({name: value for name, value in asdict(self).items() if value is not None}, file)
        temporary.replace(data_dir / SERVER_FILE)


def read_note(data_dir: Path) -> ServerNote:
    """The note of the running server; ServerUnreachable where there is none."""
    file = data_dir / SERVER_FILE
    try:
        told = json.loads(file.read_text())
        return ServerNote(str(told["url"]), int(told["pid"]), told.get("token"), told.get("certificate"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ServerUnreachable(
            f"no running server found: {file} is not there or not readable. Where it runs with another --data-dir, say "
            "so here, too (--data-dir or TRIMTAB_DATA_DIR), or name it with --server URL (TRIMTAB_SERVER). Start one "
            f"with 'trimtab up --data-dir {data_dir}'",
            data_dir=str(data_dir),
        ) from error
