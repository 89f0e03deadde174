"""A dashboard as trimtab draws it, whoever's file it was: sections of panels on a grid of 24 columns, and variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class PanelKind(StrEnum):
    """How a panel is drawn."""

    CHART = "chart"
    STAT = "stat"
    GAUGE = "gauge"
    BARS = "bars"
    TABLE = "table"
    HEAT = "heat"
    TEXT = "text"
    NOT_DRAWN = "not drawn"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel stands: columns of 24, and rows."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Target:
    """One query of a panel. `form` is time_series, table or heatmap; `legend` may hold {{label}}."""

    ref: str
    expression: str
    legend: str = ""
    form: str = "time_series"
    is_instant: bool = False
    is_hidden: bool = False
    interval: str = ""
    """The least step, as it is written (`1m`)."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """From this value on (None: from minus infinity) values have this colour."""

    value: float | None
    colour: str


@dataclass(frozen=True, slots=True)
class Mapped:
    """A value, a range or a pattern that is shown as a text. `kind`: value, range, regex or special."""

    kind: str
    text: str
    colour: str = ""
    value: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Style:
    """How values of a field are shown; `unit` is Grafana's id."""

    unit: str = ""
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    name: str = ""
    no_value: str = ""
    thresholds: tuple[Threshold, ...] = ()
    are_percent: bool = False
    """The thresholds are percent of the way from `low` to `high`."""
    mapped: tuple[Mapped, ...] = ()
    is_negative: bool = False
    """Drawn below zero."""
    is_hidden: bool = False
    drawing: str = "line"
    stacking: str = "none"
    stack_group: str = ""
    """Only lines of one group lie on each other."""
    is_filled: bool = False
    shows_thresholds: bool = False


@dataclass(frozen=True, slots=True)
class Override:
    """Changes of the style for fields that fit. `kind`: byName, byNames, byRegexp, byFrameRefID or byType."""

    kind: str
    names: tuple[str, ...]
    changes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Transformation:
    """A step that a table goes through."""

    id: str
    options: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `reason` says why it is not drawn; `notes` say what of it is not done."""

    id: int
    kind: PanelKind
    type: str
    """As the file has it."""
    title: str = ""
    description: str = ""
    place: Place = Place(0, 0, 12, 8)
    targets: tuple[Target, ...] = ()
    style: Style = field(default_factory=Style)
    overrides: tuple[Override, ...] = ()
    transformations: tuple[Transformation, ...] = ()
    calculation: str = "lastNotNull"
    shows_names: str = "auto"
    """Of a figure: auto, value, value_and_name, name or none."""
    has_spark: bool = False
    has_tones: bool = True
    """Figures have the colour of their threshold."""
    legend_calculations: tuple[str, ...] = ()
    points_max: int | None = None
    interval: str = ""
    text: str = ""
    text_mode: str = "markdown"
    repeat: str = ""
    repeats_down: bool = False
    repeat_across_max: int = 4
    time_from: str = ""
    time_shift: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under one heading; '' where there is none."""

    title: str
    panels: tuple[Panel, ...]
    is_collapsed: bool = False
    repeat: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One value that a variable may have, and how it is called."""

    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """`kind`: query, custom, interval, constant, textbox or datasource; anything else has a `reason`."""

    name: str
    kind: str
    label: str = ""
    query: str = ""
    regex: str = ""
    sort: int = 0
    is_multi: bool = False
    has_all: bool = False
    all_value: str = ""
    current: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    is_shown: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The whole. `range_from` and `range_to` as the file says them (`now-6h`)."""

    uid: str
    title: str
    has_own_uid: bool = True
    """The file says it; else it was made of the title."""
    description: str = ""
    tags: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    variables: tuple[Variable, ...] = ()
    range_from: str = ""
    range_to: str = ""
    notes: tuple[str, ...] = ()

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, as they stand."""
        return tuple(panel for section in self.sections for panel in section.panels)
