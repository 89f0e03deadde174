"""What trimtab tells about itself, from the table that declares it."""

from __future__ import annotations

from docs.generate.markdown import code, page, table
from trimtab.app.own.catalogue import METRICS
from trimtab.app.own.traces import KEPT_SHARE, SLOW_S


def own_numbers_page() -> str:
    """The page."""
    return page(
        "trimtab's own numbers, log and traces",
        "`GET /metrics` gives the numbers in Prometheus' text format, to whoever may look (a token with the role "
        "viewer is enough). They are also taken every ten seconds into `own_metrics` and shown on the page `/self`; "
        "`self/NAME` is their key for charts.",
        table(
            ["name", "kind", "unit", "labels", "meaning"],
            [[code(m.name), m.kind.value, m.unit, ", ".join(map(code, m.labels)), m.help] for m in METRICS],
        ),
        "## Log",
        "The last lines are on `/self`, seven days of them in `own_logs`. Values of variables, messages of foreign "
        "errors, and whatever looks like a secret stay out of it.",
        "## Traces",
        f"Own spans are in `spans` with `service.name` `trimtab`. Traces that failed, took more than {SLOW_S:g} s, "
        "or in which something was decided are kept; of everyday ones a share:",
        table(["root", "share kept"], [[code(name), f"{share:.0%}"] for name, share in KEPT_SHARE.items()]),
    )
