"""What is forecast, one by one: a series of a family with its name, its page, and the charts that draw it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from trimtab.app.exploring.names import series_text
from trimtab.app.forecasting.families import Drawn, Family, chart_key
from trimtab.model.alerts import labels_of

ID_CHARS_MAX = 600
NAME_CHARS_MAX = 200
FORECAST = "forecast/"
"""How a key of a chart begins that draws the history a forecast was made from, with its band."""
_SHORT = ("job", "__name__")
"""Labels that tell people little."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One series. `id` is the same as long as its labels are; `name` is what people read."""

    id: str
    family: Family
    name: str
    unit: str
    labels: Mapping[str, str] = field(default_factory=dict)
    charts: tuple[tuple[str, str], ...] = ()
    """Canonical key of a chart, and the labels of the line there."""

    @property
    def key(self) -> str:
        """The key of a chart of its history and its forecast."""
        return f"{FORECAST}{self.id}"

    @property
    def href(self) -> str:
        """Where it is looked at."""
        if self.family.kind == "named":
            return f"/explore?{urlencode({'q': self.family.about})}"
        path = self.family.page
        for name, value in self.labels.items():
            path = path.replace(f"{{{name}}}", quote(value, safe="" if name != "system" else "/"))
        return path if "{" not in path else ""


def labelled(family: Family, labels: Mapping[str, str], unit: str) -> Subject:
    """A series that PromQL gave.

    >>> from trimtab.app.forecasting.families import FAMILIES
    >>> disk = next(family for family in FAMILIES if family.name == "host_disk")
    >>> one = labelled(disk, {"job": "node", "instance": "web1", "device": "sda"}, "%")
    >>> one.name, one.href
    ('web1 sda', '/infrastructure/hosts/node/web1')
    """
    told = [value for name, value in sorted(labels.items(), key=_by_weight) if name not in _SHORT]
    metric = labels.get("__name__", "")
    name = " ".join(told) or metric or family.title
    id_ = f"{family.name}{series_text(labels_of(labels))}"
    charts = tuple(
        (chart_key(drawn, dict(labels)), _about(drawn, labels, family.kind in ("named", "rule")))
        for drawn in family.drawn
    )
    return Subject(_cut(id_, ID_CHARS_MAX), family, _cut(name, NAME_CHARS_MAX), unit, dict(labels), charts)


def keyed(family: Family, key: str, name: str, unit: str, labels: Mapping[str, str]) -> Subject:
    """A series that is read by the key of its chart."""
    return Subject(_cut(key, ID_CHARS_MAX), family, _cut(name, NAME_CHARS_MAX), unit, dict(labels), ((key, ""),))


def _by_weight(pair: tuple[str, str]) -> tuple[int, str]:
    """Where it is comes before what of it."""
    return (0 if pair[0] in ("instance", "system", "service_name") else 1, pair[0])


def _about(drawn: Drawn, labels: Mapping[str, str], all_of_them: bool) -> str:
    if all_of_them:
        return series_text(labels_of(labels))
    if "(" not in drawn.key:
        return ""
    line = {name: labels.get(name, "") for name in drawn.line} | dict(drawn.fixed)
    return series_text(labels_of(line))


def _cut(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"


def chart_lines(subjects: Sequence[Subject]) -> Iterator[tuple[str, str, str]]:
    """For `charts.book_of`: every chart that draws any of them, and the own chart of each."""
    for one in subjects:
        yield one.key, "", one.id
        for key, about in one.charts:
            yield key, about, one.id
