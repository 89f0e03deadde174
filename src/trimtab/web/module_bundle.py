"""Several JavaScript modules as one file, so that a page asks twice for script and not sixteen times.

Each module becomes a function that is run once, in the order of imports, and gives what it exports: names of one module
cannot meet those of another. It knows the imports and exports that the house's modules keep to: on one line each,
`import { a, b } from "./x.js";`, `import "./x.js";`, and `export` before a function, a class or a constant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_IMPORT = re.compile(r'^import (?:\{ (?P<names>[\w, ]+) \} from )?"\./(?P<file>[\w.-]+\.js)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (?P<name>\w+))", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def bundle(modules: Mapping[str, str], elsewhere: Mapping[str, Sequence[str]]) -> str:
    """One module of `modules` (file name to text, imported ones first).

    `elsewhere` has the addresses of other bundles, with the files that are in them. ValueError for a line that is none
    of the known forms.

    >>> print(bundle({"a.js": "export const one = 1;", "b.js": 'import { one } from "./a.js";\\nalert(one);'}, {}))
    export const $a = (() => {
    const one = 1;
    return { one };
    })();
    export const $b = (() => {
    const { one } = $a;
    alert(one);
    return {};
    })();
    """
    text = [f'import {{ {", ".join(map(_name, files))} }} from "{address}";' for address, files in elsewhere.items()]
    for file, source in modules.items():
        exported = [found["name"] for found in _EXPORT.finditer(source)]
        body = _EXPORT.sub("", _IMPORT.sub(_taken, source))
        odd = _LEFT.search(body)
        if odd is not None:
            raise ValueError(f"{file}: a line that cannot be bundled: {odd.group()}")
        given = f"{{ {', '.join(exported)} }}" if exported else "{}"
        text += [f"export const {_name(file)} = (() => {{", body.strip(), f"return {given};", "})();"]
    return "\n".join(text)


def _name(file: str) -> str:
    return "$" + re.sub(r"\W", "_", file.removesuffix(".js"))


def _taken(found: re.Match[str]) -> str:
    return f"const {{ {found['names']} }} = {_name(found['file'])};" if found["names"] else ""
