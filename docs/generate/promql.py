"""The functions of PromQL, from the table that the parser checks calls with."""

from __future__ import annotations

from docs.generate.markdown import code, table
from trimtab.store.promql.lexer import AGGREGATORS
from trimtab.store.promql.parse import WITH_PARAMETER
from trimtab.store.promql.signatures import SIGNATURES, Signature
from trimtab.store.promql.syntax import WRITTEN_TYPE


def functions_block() -> str:
    """Every function with its arguments and its result."""
    rows = [
        [code(_called(one)), WRITTEN_TYPE[one.gives]] for one in sorted(SIGNATURES.values(), key=lambda one: one.name)
    ]
    return table(["function", "gives"], rows)


def aggregations_block() -> str:
    """Every aggregation; some take a parameter before the vector."""
    names = [f"{name}(k, v)" if name in WITH_PARAMETER else f"{name}(v)" for name in sorted(AGGREGATORS)]
    return ", ".join(map(code, names))


def _called(one: Signature) -> str:
    arguments = [WRITTEN_TYPE[one.type_of(index)] for index in range(one.count_min)]
    if one.count_max is None:
        arguments.append(f"{WRITTEN_TYPE[one.takes[-1]]}, …")
    elif one.count_max > one.count_min:
        more = one.count_max - one.count_min
        last = WRITTEN_TYPE[one.takes[-1]]
        arguments.append(f"[{last}]" if more == 1 else f"[{last}, up to {more}]")
    return f"{one.name}({', '.join(arguments)})"
