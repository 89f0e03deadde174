"""What series are called: `{{label}}` in legends, `${__field.labels.x}` in given names, or their labels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from trimtab.app.dashboards.interpolate import Scope, plain_text
from trimtab.app.exploring.names import common_of, short_names
from trimtab.store.metrics.block import Labels

NAME_CHARS_MAX = 300
_LABEL = re.compile(r"\{\{\s*(.+?)\s*\}\}")
_FIELD = re.compile(
    r"\$\{__(?:field\.labels\.(?P<label>[^}]+)|field\.labels\[\"(?P<quoted>[^\"]+)\"\]|(?P<name>[\w.]+))\}"
)


def legend_text(template: str, labels: Labels) -> str:
    """A legend with labels filled in.

    >>> legend_text("{{ job }} {{nope}}", (("job", "api"),))
    'api '
    """
    known = dict(labels)
    return _LABEL.sub(lambda found: known.get(found[1], ""), template)[:NAME_CHARS_MAX]


def series_names(asked: Sequence[tuple[str, Labels]], scope: Scope) -> list[str]:
    """A name for each series, by its query's legend and its labels; without a legend, what tells it from the others."""
    plain = [labels for legend, labels in asked if not legend]
    short = iter(_told_apart(plain) if len(plain) > 1 else [_alone(labels) for labels in plain])
    return [
        (plain_text(legend_text(legend, labels), scope) if legend else next(short))[:NAME_CHARS_MAX] or "value"
        for legend, labels in asked
    ]


def given_name(template: str, name: str, labels: Mapping[str, str]) -> str:
    """The name that a panel gives to a field.

    >>> given_name("${__field.labels.job}: ${__series.name}", "a", {"job": "api"}), given_name("", "a", {})
    ('api: a', 'a')
    """
    if not template:
        return name

    def put(found: re.Match[str]) -> str:
        label = found["label"] or found["quoted"]
        if label:
            return labels.get(label, "")
        return name if found["name"] in ("series.name", "field.name", "field.displayName") else found[0]

    return _FIELD.sub(put, template)[:NAME_CHARS_MAX]


def _told_apart(series: Sequence[Labels]) -> list[str]:
    """What tells each from the others: where that is one label, its value, as Grafana has it.

    >>> _told_apart([(("a", "1"), ("b", "2")), (("a", "1"), ("b", "3"))]), _told_apart([(("a", "1"),), (("b", "1"),)])
    (['2', '3'], ['{a="1"}', '{b="1"}'])
    """
    shared = set(common_of(series))
    own = [[pair for pair in labels if pair not in shared] for labels in series]
    names = {name for pairs in own for name, _ in pairs}
    if len(names) == 1 and all(len(pairs) == 1 for pairs in own):
        return [pairs[0][1] for pairs in own]
    return short_names(series)


def _alone(labels: Labels) -> str:
    """One series: by the metric's name."""
    return next((value for name, value in labels if name == "__name__"), "")
