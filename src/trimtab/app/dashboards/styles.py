"""How values are shown: the defaults of a panel's fields, what overrides change, thresholds and mappings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

from trimtab.app.dashboards.json_parts import Json, flag, number, part, parts, text, texts
from trimtab.app.dashboards.patterns import pattern_of
from trimtab.model.dashboards import Mapped, Override, Style, Threshold
from trimtab.model.errors import InputError

DECIMALS_MAX = 12
THRESHOLDS_MAX = 50
MAPPINGS_MAX = 500
OVERRIDES_MAX = 500
MATCHERS = ("byName", "byNames", "byRegexp", "byFrameRefID", "byType")
"""How an override says which fields it is about, of what is read."""
DRAWINGS = ("line", "bars", "points")


def style_of(defaults: Json) -> Style:
    """The style that `fieldConfig.defaults` tells of."""
    style = Style(mapped=mapped_of(defaults), thresholds=thresholds_of(part(defaults, "thresholds")))
    mode = text(part(defaults, "thresholds"), "mode")
    changes: dict[str, object] = {key: value for key, value in defaults.items() if key in _CHANGES}
    changes |= {f"custom.{key}": value for key, value in part(defaults, "custom").items()}
    return replace(changed(style, changes), are_percent=mode == "percentage")


def overrides_of(config: Json) -> tuple[Override, ...]:
    """What a panel says of single fields."""
    found = []
    for one in parts(config, "overrides")[:OVERRIDES_MAX]:
        matcher = part(one, "matcher")
        options = matcher.get("options")
        names = texts(options, "names") if isinstance(options, Mapping) else texts(matcher, "options")
        changes = {text(each, "id"): each.get("value") for each in parts(one, "properties")}
        found.append(Override(text(matcher, "id"), names, changes))
    return tuple(found)


def changed(style: Style, changes: Mapping[str, object]) -> Style:
    """The style after some properties were set."""
    for name, value in changes.items():
        change = _CHANGES.get(name)
        if change is not None:
            style = change(style, {"value": value})
    return style


def styled(style: Style, overrides: tuple[Override, ...], name: str, ref: str = "", kind: str = "number") -> Style:
    """The style of one field by its name, its query and its kind.

    >>> hidden = Override("byRegexp", ("/^a.*/",), {"custom.hideFrom": {"viz": True}})
    >>> styled(Style(), (hidden,), "abc").is_hidden, styled(Style(), (hidden,), "b").is_hidden
    (True, False)
    """
    for one in overrides:
        if fits(one, name, ref, kind):
            style = changed(style, one.changes)
    return style


def fits(override: Override, name: str, ref: str = "", kind: str = "number") -> bool:
    """Whether an override is about a field. A pattern that cannot be read fits nothing."""
    if override.kind in ("byName", "byNames"):
        return name in override.names
    if override.kind == "byFrameRefID":
        return ref in override.names
    if override.kind == "byType":
        return kind in override.names
    if override.kind == "byRegexp" and override.names:
        found = _pattern(override.names[0])
        return found is not None and found(name)
    return False


@lru_cache(maxsize=1000)
def _pattern(written: str) -> Callable[[str], bool] | None:
    try:
        found = pattern_of(written)
    except InputError:
        return None
    return lambda name: found.search(name) is not None


def thresholds_of(thresholds: Json) -> tuple[Threshold, ...]:
    """The steps; the first one begins at minus infinity."""
    steps = parts(thresholds, "steps")[:THRESHOLDS_MAX]
    found = [Threshold(number(step, "value"), text(step, "color")) for step in steps]
    return tuple(sorted(found, key=lambda step: float("-inf") if step.value is None else step.value))


def mapped_of(holder: Json) -> tuple[Mapped, ...]:
    """Value mappings, in their new form and in the old one."""
    found: list[Mapped] = []
    for one in parts(holder, "mappings")[:MAPPINGS_MAX]:
        kind, options = text(one, "type"), part(one, "options")
        if kind == "value":
            found += [
                Mapped("value", text(result, "text", value), text(result, "color"), value=value)
                for value, result in options.items()
                if isinstance(result, Mapping)
            ]
        elif kind in ("range", "regex", "special"):
            result = part(options, "result")
            found.append(
                Mapped(
                    kind,
                    text(result, "text"),
                    text(result, "color"),
                    value=text(options, "pattern" if kind == "regex" else "match"),
                    low=number(options, "from"),
                    high=number(options, "to"),
                )
            )
        elif kind == "1":
            found.append(Mapped("value", text(one, "text"), value=text(one, "value")))
        elif kind == "2":
            found.append(Mapped("range", text(one, "text"), low=number(one, "from"), high=number(one, "to")))
    return tuple(found[:MAPPINGS_MAX])


Change = Callable[[Style, Json], Style]


def _drawing(style: Style, holder: Json) -> Style:
    found = text(holder, "value")
    return replace(style, drawing=found if found in DRAWINGS else "line")


def _decimals(style: Style, holder: Json) -> Style:
    found = number(holder, "value")
    return replace(style, decimals=None if found is None else int(min(max(found, 0), DECIMALS_MAX)))


def _hidden(style: Style, holder: Json) -> Style:
    value = holder.get("value")
    return replace(style, is_hidden=value is True or flag(part(holder, "value"), "viz"))


def _stacking(style: Style, holder: Json) -> Style:
    """`group` may be a name, or `false`, which Grafana takes for the name of a group like any other."""
    told = part(holder, "value")
    group = "false" if told.get("group") is False else text(told, "group")
    return replace(style, stacking=text(told, "mode", "none"), stack_group=group)


_CHANGES: Mapping[str, Change] = {
    "unit": lambda style, holder: replace(style, unit=text(holder, "value")),
    "decimals": _decimals,
    "min": lambda style, holder: replace(style, low=number(holder, "value")),
    "max": lambda style, holder: replace(style, high=number(holder, "value")),
    "displayName": lambda style, holder: replace(style, name=text(holder, "value")),
    "noValue": lambda style, holder: replace(style, no_value=text(holder, "value")),
    "thresholds": lambda style, holder: replace(
        style,
        thresholds=thresholds_of(part(holder, "value")),
        are_percent=text(part(holder, "value"), "mode") == "percentage",
    ),
    "mappings": lambda style, holder: replace(style, mapped=mapped_of({"mappings": holder.get("value")})),
    "custom.transform": lambda style, holder: replace(style, is_negative=text(holder, "value") == "negative-Y"),
    "custom.hideFrom": _hidden,
    "custom.hidden": _hidden,
    "custom.drawStyle": _drawing,
    "custom.stacking": _stacking,
    "custom.fillOpacity": lambda style, holder: replace(style, is_filled=(number(holder, "value") or 0) > 0),
    "custom.thresholdsStyle": lambda style, holder: replace(
        style, shows_thresholds=text(part(holder, "value"), "mode", "off") != "off"
    ),
}


def threshold_tone(style: Style, value: float) -> str:
    """The tone of a value by its threshold: '', ok, warn or bad, by the colour that it has in Grafana.

    >>> steps = (Threshold(None, "green"), Threshold(80.0, "red"))
    >>> threshold_tone(Style(thresholds=steps), 79.9), threshold_tone(Style(thresholds=steps), 80.0)
    ('ok', 'bad')
    """
    if not style.thresholds:
        return ""
    at = value
    if style.are_percent:
        low, high = style.low or 0.0, 100.0 if style.high is None else style.high
        at = (value - low) / (high - low) * 100 if high > low else 0.0
    colour = ""
    for step in style.thresholds:
        if step.value is None or at >= step.value:
            colour = step.colour
    return tone_of_colour(colour)


_TONES = (
    (re.compile(r"green", re.IGNORECASE), "ok"),
    (re.compile(r"red", re.IGNORECASE), "bad"),
    (re.compile(r"orange|yellow|amber", re.IGNORECASE), "warn"),
    (re.compile(r"blue|purple", re.IGNORECASE), "info"),
)
_RGB = re.compile(r"rgba?\(\s*(\d+)[,\s]+(\d+)[,\s]+(\d+)")


def tone_of_colour(colour: str) -> str:
    """The tone that is nearest to a colour.

    >>> [tone_of_colour(one) for one in ("dark-red", "#73BF69", "rgba(237, 129, 40, 0.89)", "text", "#5794F2")]
    ['bad', 'ok', 'warn', '', 'info']
    """
    for pattern, tone in _TONES:
        if pattern.search(colour):
            return tone
    found = _RGB.search(colour)
    if found:
        red, green, blue = (int(part[:3]) for part in found.groups())
    elif re.fullmatch(r"#[0-9a-fA-F]{6}(?:[0-9a-fA-F]{2})?", colour):
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    else:
        return ""
    if max(red, green, blue) - min(red, green, blue) < 40:
        return ""
    if blue > red and blue > green:
        return "info"
    if green > red:
        return "ok"
    return "warn" if green > 0.45 * red else "bad"
