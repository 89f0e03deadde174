"""Receivers, routes and inhibition from a file in the form of Alertmanager's configuration.

What trimtab knows is read as Alertmanager reads it; what it does not know is refused by name, with line and column, so
that nobody believes that it works. Secrets are `${NAME}` of the environment, or stand in a file (`..._file`): a secret
that is written into the file is refused, and never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trimtab.analyze.rules.yaml_places import Item, read
from trimtab.app.notify.matching import check, matchers_of
from trimtab.app.notify.routing import GROUP_INTERVAL_MS, GROUP_WAIT_MS, REPEAT_INTERVAL_MS, Inhibition, Route
from trimtab.app.notify.secrets import Reference, in_braces
from trimtab.app.settings import did_you_mean
from trimtab.extend.receivers import RECEIVERS, Kind, Option
from trimtab.extend.registry import load as load_plugins
from trimtab.model.errors import ConfigError, InputError
from trimtab.model.silences import Matcher

FILE_BYTES_MAX = 2_000_000
RECEIVERS_MAX = 100
ROUTES_MAX = 1000
_CONFIGS = "_configs"
_NOT_HERE = {
    "templates": "texts are trimtab's own",
    "time_intervals": "make a silence",
    "mute_time_intervals": "make a silence",
    "active_time_intervals": "make a silence",
}
_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_UNITS_MS = (604_800_000, 86_400_000, 3_600_000, 60_000, 1000, 1)


@dataclass(frozen=True, slots=True)
class Target:
    """One way of a receiver to tell somebody. `key` names it among all: `team/slack`, `team/slack/2`."""

    key: str
    receiver: str
    kind: str
    options: Mapping[str, Option]
    secrets: Mapping[str, Reference]
    sends_resolved: bool = True


@dataclass(frozen=True, slots=True)
class Routes:
    """All that a file says."""

    root: Route
    targets: tuple[Target, ...]
    inhibitions: tuple[Inhibition, ...] = ()
    by_id: Mapping[str, Route] = field(default_factory=dict)

    def targets_of(self, receiver: str) -> tuple[Target, ...]:
        """The ways of a receiver; none for one that takes alerts and tells nobody."""
        return tuple(target for target in self.targets if target.receiver == receiver)


def check_file(path: Path) -> None:
    """ConfigError where a file is wrong, with the receivers that are installed."""
    load(path, load_plugins(RECEIVERS))


def load(path: Path, kinds: Mapping[str, Kind]) -> Routes:
    """Read a file. ConfigError tells where it is wrong."""
    try:
        with path.open("rb") as opened:
            data = opened.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"{path}: could not be read: {error.strerror}", file=str(path)) from error
    if len(data) > FILE_BYTES_MAX:
        raise ConfigError(f"{path}: has more than {FILE_BYTES_MAX} bytes, which is the limit", file=str(path))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8: {error.reason}", file=str(path)) from None
    return parse(text, str(path), path.parent, kinds)


def parse(text: str, file: str, folder: Path, kinds: Mapping[str, Kind]) -> Routes:
    """The same from text; paths in it are relative to `folder`."""
    try:
        return _File(folder, kinds).routes(read(text, file))
    except ConfigError:
        raise
    except InputError as error:
        raise ConfigError(error.message, **error.facts) from None


def duration_ms(item: Item) -> int:
    """`5m`, `1h30m`, as Prometheus writes durations."""
    text = item.as_string()
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        raise item.wrong(f"{text[:40]!r} is no duration such as 30s, 5m or 4h")
    return sum(int(part) * unit for part, unit in zip(found.groups(), _UNITS_MS, strict=True) if part)


class _File:
    def __init__(self, folder: Path, kinds: Mapping[str, Kind]) -> None:
        self._folder = folder
        self._kinds = kinds

    def routes(self, document: Item) -> Routes:
        _refuse_what_is_not_here(document)
        known = ("global", "route", "receivers", "inhibit_rules")
        document.only(known, "the file of routes")
        defaults = document.get("global")
        self._check_global(defaults)
        targets, receivers = self._receivers(document, defaults)
        root_item = document.get("route")
        if root_item is None:
            raise document.wrong("there is no route")
        root = _route(root_item, receivers, None, "")
        by_id: dict[str, Route] = {route.id: route for route in root.everything()}
        if len(by_id) > ROUTES_MAX:
            raise root_item.wrong(f"at most {ROUTES_MAX} routes, found {len(by_id)}")
        inhibitions = tuple(_inhibition(item) for item in document.each("inhibit_rules"))
        return Routes(root, targets, inhibitions, by_id)

    def _check_global(self, defaults: Item | None) -> None:
        if defaults is None:
            return
        known = {"resolve_timeout"}
        for kind in self._kinds.values():
            for name, above in kind.defaults.items():
                known |= {above, f"{above}_file"} if name in kind.secrets else {above}
        for name in defaults.fields:
            if name not in known:
                raise defaults.wrong(
                    f"unknown field {name} in global{did_you_mean(name, sorted(known))}", defaults.keys[name]
                )

    def _receivers(self, document: Item, defaults: Item | None) -> tuple[tuple[Target, ...], frozenset[str]]:
        targets: list[Target] = []
        names: set[str] = set()
        for item in document.each("receivers"):
            name_item = item.get("name")
            if name_item is None:
                raise item.wrong("a receiver has no name")
            name = name_item.as_string()
            if name in names:
                raise name_item.wrong(f"two receivers are named {name!r}")
            if not name or len(name) > 100 or not name.isprintable():
                raise name_item.wrong("a name has 1 to 100 printable characters")
            names.add(name)
            known = ["name", *(f"{kind}{_CONFIGS}" for kind in self._kinds)]
            for key in item.fields:
                if key not in known:
                    raise item.wrong(f"unknown field {key} in a receiver{did_you_mean(key, known)}", item.keys[key])
            for kind in self._kinds:
                for number, config in enumerate(item.each(f"{kind}{_CONFIGS}"), 1):
                    key = f"{name}/{kind}" if number == 1 else f"{name}/{kind}/{number}"
                    targets.append(self._target(key, name, kind, config, defaults))
        if not names:
            raise document.wrong("there are no receivers")
        if len(targets) > RECEIVERS_MAX:
            raise document.wrong(f"at most {RECEIVERS_MAX} receivers, found {len(targets)}")
        return tuple(targets), frozenset(names)

    def _target(self, key: str, receiver: str, kind_name: str, config: Item, defaults: Item | None) -> Target:
        kind = self._kinds[kind_name]
        options: dict[str, Option] = {}
        secrets: dict[str, Reference] = {}
        sends_resolved = kind.sends_resolved
        for above, where, names in self._said(kind, config, defaults):
            for name, item in where.items():
                field_name = names.get(name, name)
                plain = field_name.removesuffix("_file")
                if field_name == "send_resolved":
                    sends_resolved = item.as_truth()
                elif plain in kind.secrets:
                    secrets[plain] = self._reference(plain, item, is_file=field_name != plain)
                elif field_name in kind.texts:
                    options[field_name] = item.as_string()
                elif field_name in kind.flags:
                    options[field_name] = item.as_truth()
                elif field_name in kind.numbers:
                    options[field_name] = int(item.as_number())
                elif field_name in kind.maps:
                    options[field_name] = self._map(field_name, config)
                else:
                    known = sorted(
                        {*kind.texts, *kind.flags, *kind.numbers, *kind.maps, *kind.secrets, "send_resolved"}
                    )
                    raise above.wrong(
                        f"unknown field {name} in {kind_name}{_CONFIGS}{did_you_mean(name, known)}", above.keys[name]
                    )
        for needed in kind.needed:
            if not any(name in options or name in secrets for name in needed):
                raise config.wrong(
                    f"{kind_name}{_CONFIGS} needs {' or '.join(_with_file(name, kind) for name in needed)}"
                )
        return Target(key, receiver, kind_name, options, secrets, sends_resolved)

    def _said(
        self, kind: Kind, config: Item, defaults: Item | None
    ) -> Iterator[tuple[Item, dict[str, Item], dict[str, str]]]:
        """What `global` says, with its names there, then what the receiver says itself."""
        if defaults is not None:
            names = {above: name for name, above in kind.defaults.items()}
            names |= {f"{above}_file": f"{name}_file" for name, above in kind.defaults.items() if name in kind.secrets}
            yield defaults, {name: item for name, item in defaults.fields.items() if name in names}, names
        if config.kind != "mapping":
            raise config.wrong(f"a {config.kind} where a mapping is wanted")
        yield config, config.fields, {}

    def _reference(self, name: str, item: Item, *, is_file: bool) -> Reference:
        if is_file:
            return Reference("file", str(self._folder / item.as_string()))
        found = in_braces(item.as_string())
        if found is None:
            raise item.wrong(
                f"{name} is a secret, and does not belong into this file: write {name}: ${{NAME}} with NAME in the "
                f"environment of the server, or {name}_file: PATH"
            )
        return found

    def _map(self, name: str, config: Item) -> dict[str, str]:
        pairs = config.strings(name)
        for key in pairs:
            if key != "ca_file":
                item = config.fields[name]
                raise item.wrong(f"unknown field {key} in {name} (known: ca_file)", item.keys[key])
        return {key: str(self._folder / value) for key, value in pairs.items()}


def _with_file(name: str, kind: Kind) -> str:
    return f"{name} (or {name}_file)" if name in kind.secrets else name


def _refuse_what_is_not_here(item: Item) -> None:
    for name, instead in _NOT_HERE.items():
        if name in item.fields and item.get(name) is not None:
            raise item.wrong(f"{name} is not available in trimtab: {instead}", item.keys[name])


def _route(item: Item, receivers: frozenset[str], above: Route | None, place: str) -> Route:
    _refuse_what_is_not_here(item)
    known = ("receiver", "group_by", "group_wait", "group_interval", "repeat_interval", "continue", "routes")
    item.only((*known, "matchers", "match", "match_re"), "a route")
    matchers = tuple(_matchers(item, ""))
    receiver_item = item.get("receiver")
    if receiver_item is None and above is None:
        raise item.wrong("the first route has no receiver")
    if above is None and matchers:
        raise item.wrong("the first route takes everything: it may have no matchers")
    receiver = above.receiver if receiver_item is None and above is not None else item.string("receiver")
    if receiver not in receivers:
        raise (receiver_item or item).wrong(
            f"there is no receiver {receiver[:80]!r}{did_you_mean(receiver, sorted(receivers))}"
        )
    number = f"{place}/{{{', '.join(sorted(map(str, matchers)))}}}" if above is not None else "{}"
    grouped = item.get("group_by")
    made = Route(
        id=number,
        receiver=receiver,
        matchers=matchers,
        group_by=tuple(one.as_string() for one in item.each("group_by"))
        if grouped is not None
        else (above.group_by if above else ()),
        group_wait_ms=_duration(item, "group_wait", above.group_wait_ms if above else GROUP_WAIT_MS),
        group_interval_ms=_duration(item, "group_interval", above.group_interval_ms if above else GROUP_INTERVAL_MS, 1),
        repeat_interval_ms=_duration(
            item, "repeat_interval", above.repeat_interval_ms if above else REPEAT_INTERVAL_MS, 1
        ),
        is_continued=(more := item.get("continue")) is not None and more.as_truth(),
    )
    below: list[Route] = []
    taken: set[str] = set()
    for child in item.each("routes"):
        route = _route(child, receivers, made, number)
        while route.id in taken:
            route = _renamed(route, f"{route.id}+")
        taken.add(route.id)
        below.append(route)
    return Route(
        made.id,
        made.receiver,
        made.matchers,
        made.group_by,
        made.group_wait_ms,
        made.group_interval_ms,
        made.repeat_interval_ms,
        made.is_continued,
        tuple(below),
    )


def _renamed(route: Route, number: str) -> Route:
    """Two routes side by side with the same matchers are two: their groups are, too."""
    return Route(
        number,
        route.receiver,
        route.matchers,
        route.group_by,
        route.group_wait_ms,
        route.group_interval_ms,
        route.repeat_interval_ms,
        route.is_continued,
        tuple(_renamed(one, f"{number}{one.id.removeprefix(route.id)}") for one in route.routes),
    )


def _duration(item: Item, name: str, otherwise: int, low: int = 0) -> int:
    found = item.get(name)
    value = otherwise if found is None else duration_ms(found)
    if found is not None and value < low:
        raise found.wrong(f"{name} must be longer than 0")
    return value


def _matchers(item: Item, prefix: str) -> Iterator[Matcher]:
    """`matchers`, and the older `match` and `match_re`, with a prefix such as `source_`."""
    listed = item.get(f"{prefix}matchers")
    if listed is not None:
        for one in [listed] if listed.kind == "text" else listed.items:
            try:
                yield from matchers_of(one.as_string())
            except InputError as error:
                if "line" in error.facts:
                    raise
                raise one.wrong(error.message) from None
    for name, is_regex in ((f"{prefix}match", False), (f"{prefix}match_re", True)):
        for label, value in item.strings(name).items():
            try:
                yield check(Matcher(label, value, is_regex=is_regex))
            except InputError as error:
                raise item.fields[name].wrong(error.message) from None


def _inhibition(item: Item) -> Inhibition:
    parts = ("matchers", "match", "match_re")
    item.only(("equal", *(f"{side}_{part}" for side in ("source", "target") for part in parts)), "an inhibit rule")
    source, target = tuple(_matchers(item, "source_")), tuple(_matchers(item, "target_"))
    if not source or not target:
        raise item.wrong("an inhibit rule needs source_matchers and target_matchers")
    return Inhibition(source, target, tuple(one.as_string() for one in item.each("equal")))
