"""Packs: thresholds with their sources, alerts, objectives, and the kinds of metrics of `setup_monitoring`."""

from __future__ import annotations

from collections.abc import Iterator

from docs.generate.markdown import code, page, table
from trimtab.app.packs.answers import detail_of
from trimtab.app.packs.pack import names, pack_of
from trimtab.app.packs.shelf import PackNow
from trimtab.app.stack.kinds import KINDS, SEED


def packs_page() -> str:
    """The page."""
    return page(
        "Packs and kinds of metrics",
        "A pack is rules with runbooks, objectives, and unit tests of both for a kind of system: data files in "
        "`trimtab/packs`, which promtool and Prometheus take as they are. How to use them: "
        "[how-to](../how-to/monitor-a-system.md). `for`, `interval` and `RULE.for` can be set in each pack, too.",
        "## Kinds of metrics",
        "What `setup_monitoring` and `trimtab setup` know. The name of a metric says its kind where it is one of "
        "these; another one says its `type`.",
        table(
            ["type", "name", "section", "field, default", "value", "unit", "needs"],
            [
                [
                    code(kind.name),
                    code(next(name for name, one in SEED[kind.section].items() if one == kind.name)),
                    code(kind.section),
                    code(f"{kind.wish}: {kind.default}"),
                    f"{kind.title}: {code(kind.value)}",
                    kind.unit,
                    kind.source,
                ]
                for kind in KINDS.values()
            ],
        ),
        *_packs(),
    )


def _packs() -> Iterator[str]:
    for name in names():
        detail = detail_of(PackNow(pack_of(name), is_enabled=False, source="default"))
        yield f"## {name}: {detail.title}"
        yield detail.about
        yield table(
            ["threshold", "value", "unit", "used by", "source"],
            [
                [code(one.name), code(one.value), one.unit, ", ".join(map(code, one.used_by)), one.source]
                for one in detail.thresholds
            ],
        )
        yield table(
            ["alert", "severity", "after", "fires where"],
            [[code(one.name), one.severity, f"{one.for_s:g} s", code(one.expr)] for one in detail.alerts],
        )
        yield f"Objectives: {', '.join(map(code, detail.objectives))}. Series that it needs:"
        yield table(["series", "from"], [[code(one.series), one.source] for one in detail.needs])
