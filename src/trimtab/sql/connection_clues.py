"""What this machine holds for a reference: the service file and its section, the passfile and its matching line.

libpq says "no password supplied" for a passfile that is missing, that others may read, or that has no line for this
server. Here each of these is told apart. Passwords themselves are neither kept nor compared.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from trimtab.sql.connect import Reference

FILE_BYTES_MAX = 1_000_000
_SECTION = re.compile(r"^\s*\[([^\]]+)\]", re.MULTILINE)
_FIELD = re.compile(r"((?:\\.|[^:\\])*)(?::|$)")


def clues(reference: Reference, environment: Mapping[str, str] | None = None, home: Path | None = None) -> list[str]:
    """Sentences about the files that libpq would look into; none for `env:NAME`, whose text is not looked at."""
    if reference.environment_name is not None:
        return []
    variables = os.environ if environment is None else environment
    folder = home or Path.home()
    parts = dict(reference.parts)
    if "service" in parts:
        return [_service_clue(parts["service"], variables, folder)]
    if any(name in parts for name in ("password", "passwordcommand")):
        return []
    return [_passfile_clue(parts, variables, folder)]


def _service_clue(name: str, variables: Mapping[str, str], home: Path) -> str:
    file = Path(variables.get("PGSERVICEFILE") or home / ".pg_service.conf")
    text = _text_of(file)
    if text is None:
        return f"the service file {file} is not there or not readable"
    sections = _SECTION.findall(text)
    if name in sections:
        return f"the service file {file} has the section [{name}]"
    return f"the service file {file} has no section [{name}]; it has {', '.join(sections[:20]) or 'none'}"


def _passfile_clue(parts: Mapping[str, str], variables: Mapping[str, str], home: Path) -> str:
    file = Path(parts.get("passfile") or variables.get("PGPASSFILE") or home / ".pgpass")
    text = _text_of(file)
    if text is None:
        return f"the passfile {file} is not there or not readable"
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"the passfile {file} can be read by others, so libpq ignores it: chmod 0600 {file}"
    host = parts.get("host") or parts.get("hostaddr") or "localhost"
    user = parts.get("user") or variables.get("PGUSER") or ""
    wanted = (
        "localhost" if host.startswith("/") else host,
        parts.get("port") or variables.get("PGPORT") or "5432",
        parts.get("dbname") or variables.get("PGDATABASE") or user,
        user,
    )
    shown = ":".join(wanted)
    for number, line in enumerate(text.splitlines(), 1):
        fields = first_fields(line)
        if fields is not None and all(f in ("*", w) for f, w in zip(fields, wanted, strict=True)):
            return f"line {number} of the passfile {file} is for {shown}"
    return f"the passfile {file} has no line for {shown} (host:port:database:user:password)"


def first_fields(line: str) -> tuple[str, str, str, str] | None:
    """Host, port, database and user of a passfile's line; None for a comment or a line that has no four of them.

    >>> first_fields(r"db\\:1:5432:*:watch:secret")
    ('db:1', '5432', '*', 'watch')
    >>> first_fields("# nothing") is None
    True
    """
    if line.lstrip().startswith("#"):
        return None
    fields: list[str] = []
    position = 0
    while len(fields) < 4:
        match = _FIELD.match(line, position)
        if match is None or not match[0].endswith(":"):
            return None
        fields.append(re.sub(r"\\(.)", r"\1", match[1]))
        position = match.end()
    return fields[0], fields[1], fields[2], fields[3]


def _text_of(file: Path) -> str | None:
    try:
        if not file.is_file() or file.stat().st_size > FILE_BYTES_MAX:
            return None
        return file.read_text("utf-8", errors="replace")
    except OSError:
        return None
