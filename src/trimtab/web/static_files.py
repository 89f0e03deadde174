"""Files for the browser, from this package alone: read, hashed and compressed once, kept in memory.

The address of a file carries the hash of its content, so a browser may keep it for ever and still never has an old one.
Modules import each other by bare paths; those addresses are rewritten to carry hashes too. What every page runs is sent
as one file, and what charts need as another (`BUNDLES`).
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trimtab.web.module_bundle import bundle
from trimtab.web.module_text import lean

FOREVER = "public, max-age=31536000, immutable"
SHORT = "public, max-age=60"
MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
BUNDLES: Mapping[str, tuple[str, ...]] = {
    "js/main.js": (),
    "js/tt-chart.js": ("js/main.js",),
    "js/chart-table.js": ("js/main.js", "js/tt-chart.js"),
    "js/chart-ahead.js": ("js/main.js", "js/tt-chart.js"),
    "js/dashboard.js": ("js/main.js", "js/tt-chart.js"),
    "js/promql-complete.js": (),
    "js/logs.js": ("js/main.js",),
    "js/logs-tail.js": ("js/main.js",),
    "js/logs-complete.js": ("js/main.js",),
    "js/traces.js": ("js/main.js",),
    "js/tt-trace.js": ("js/main.js",),
}
"""Modules that are sent together with what they import, except what is in the bundles that are named."""
VENDOR = ("vendor/htmx.min.js", "vendor/uplot.iife.min.js", "vendor/uplot.min.css")
_IMPORT = re.compile(r"""(?P<before>\b(?:from|import)\s*\(?\s*)(?P<quote>["'])\./(?P<name>[\w.-]+\.js)(?P=quote)""")
_GZIP_BYTES_MIN = 300


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is sent."""

    media: str
    plain: bytes
    packed: bytes | None
    digest: str


class StaticFiles:
    """All files by their path below static/."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._files: dict[str, StaticFile] = {}
        self._sources = contents
        self._modules: dict[tuple[str, ...], tuple[str, ...]] = {}
        for path in _in_order(contents):
            self._files[path] = _made(path, self._with_hashes(path, contents[path]))
        self._bundled: dict[str, tuple[str, ...]] = {}
        for path, before in BUNDLES.items():
            if path in contents:
                self._files[path] = _made(path, self._bundle(path, before))

    @classmethod
    def of_package(cls) -> StaticFiles:
        """What this package has; RuntimeError where the build did not put the browser libraries in."""
        contents = dict(_walk(files("trimtab.web").joinpath("static"), ""))
        missing = [name for name in VENDOR if name not in contents]
        if missing:
            raise RuntimeError(
                f"this installation lacks {', '.join(missing)}: it was not built. In a checkout run: make web"
            )
        return cls(contents)

    def address(self, path: str) -> str:
        """The address of a file, with its hash. KeyError for a file that is not there."""
        return f"/static/{path}?v={self._files[path].digest}"

    def modules(self, *paths: str) -> tuple[str, ...]:
        """Addresses of modules and of all that they import, so that a browser can fetch them at once."""
        found = self._modules.get(paths)
        if found is None:
            starts = [name for path in paths for name in (*BUNDLES.get(path, ()), path)]
            inside = {name for path in starts for name in self._bundled.get(path, ()) if name not in starts}
            wanted = [name for name in _in_order(self._sources, *starts) if name not in inside]
            found = self._modules[paths] = tuple(map(self.address, wanted))
        return found

    def names(self) -> list[str]:
        """Paths of all files."""
        return sorted(self._files)

    def content(self, path: str) -> bytes:
        """What is sent, not packed."""
        return self._files[path].plain

    def packed(self, path: str) -> bytes | None:
        """What is sent, packed; None for what is too short to be."""
        return self._files[path].packed

    def size_on_the_wire_bytes(self, path: str) -> int:
        """What a browser fetches for it."""
        found = self._files[path]
        return len(found.packed or found.plain)

    async def serve(self, request: Request) -> Response:
        """`GET /static/{path}`. A path is looked up in a table, so none can lead out of it."""
        found = self._files.get(str(request.path_params["path"]))
        if found is None:
            raise HTTPException(404, "no such file")
        tag = f'"{found.digest}"'
        headers = {
            "ETag": tag,
            "Vary": "Accept-Encoding",
            "Cache-Control": FOREVER if request.query_params.get("v") == found.digest else SHORT,
            "X-Content-Type-Options": "nosniff",
        }
        if tag in {part.strip() for part in request.headers.get("if-none-match", "").split(",")}:
            return Response(status_code=304, headers=headers)
        if found.packed is not None and accepts_gzip(request):
            return Response(found.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=found.media)
        return Response(found.plain, headers=headers, media_type=found.media)

    def _bundle(self, path: str, before: tuple[str, ...]) -> bytes:
        """The module and what it imports, in one file; `before` are bundles whose modules it shares."""
        there = {name for other in before for name in self._bundled[other]}
        inside = [name for name in _in_order(self._sources, path) if name not in there]
        self._bundled[path] = tuple(inside)
        wanted = set(_in_order(self._sources, path)) & there
        elsewhere = {
            self.address(other): [_file(name) for name in self._bundled[other] if name in wanted] for other in before
        }
        modules = {_file(name): lean(self._sources[name].decode()) for name in inside}
        return bundle(modules, elsewhere).encode()

    def _with_hashes(self, path: str, content: bytes) -> bytes:
        folder = path.rpartition("/")[0]
        if not path.endswith(".js") or folder != "js":
            return content

        def address(match: re.Match[str]) -> str:
            target = self.address(f"{folder}/{match['name']}")
            return f"{match['before']}{match['quote']}{target}{match['quote']}"

        return _IMPORT.sub(address, lean(content.decode())).encode()


def _file(path: str) -> str:
    return path.rpartition("/")[2]


def accepts_gzip(request: Request) -> bool:
    """Whether the answer may be packed."""
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = part.strip().partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _made(path: str, content: bytes) -> StaticFile:
    packed = gzip.compress(content, 9, mtime=0) if len(content) >= _GZIP_BYTES_MIN else None
    suffix = path[path.rfind(".") :]
    return StaticFile(MEDIA[suffix], content, packed, hashlib.sha256(content).hexdigest()[:16])


def _walk(folder: Traversable, prefix: str) -> Iterable[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name[entry.name.rfind(".") :] in MEDIA:
            yield f"{prefix}{entry.name}", entry.read_bytes()


def _in_order(contents: Mapping[str, bytes], *first: str) -> list[str]:
    """Modules after the modules that they import: all files, or `first` and what it needs.

    ValueError for a circle: such files could not carry each other's hashes.
    """
    order: list[str] = []
    open_: set[str] = set()

    def visit(path: str) -> None:
        if path in order:
            return
        if path in open_:
            raise ValueError(f"{path} imports itself by way of others")
        open_.add(path)
        if path.startswith("js/"):
            for match in _IMPORT.finditer(contents[path].decode()):
                visit(f"js/{match['name']}")
        open_.discard(path)
        order.append(path)

    for path in first or sorted(contents):
        visit(path)
    return order
