"""What every page needs to know about its visitor and its address: range, zone, theme, rights, links that keep them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from starlette.requests import Request

from trimtab.app.reading.ranges import DEFAULT_FROM, DEFAULT_TO, Range, parse_range
from trimtab.model.access import Permission, Principal
from trimtab.model.change import Change
from trimtab.web.navigation import NAVIGATION, NavigationItem

if TYPE_CHECKING:
    from trimtab.app.service import Service

THEMES = ("system", "dark", "light")
ZONES = ("utc", "local")
KEPT = ("from", "to", "tz")
"""Parameters that go along from page to page."""
SHOW_WAITING = frozenset({"overview", "cases"})
"""Pages that tell by themselves what waits for a yes."""
_MESSAGES_MAX = 3


@dataclass(frozen=True, slots=True)
class RangeView:
    """The time range as it was written, and in numbers."""

    from_text: str
    to_text: str
    range: Range

    @property
    def from_ms(self) -> int:
        """Unix milliseconds."""
        return self.range.from_ms

    @property
    def to_ms(self) -> int:
        """Unix milliseconds."""
        return self.range.to_ms


@dataclass(frozen=True, slots=True)
class Message:
    """One line about what was just done."""

    text: str
    tone: str = "ok"


@dataclass(frozen=True, slots=True)
class View:
    """One visitor looking at one address."""

    path: str
    parameters: tuple[tuple[str, str], ...]
    nav: str
    range: RangeView
    ranged: bool
    theme: str
    tz: str
    principal: Principal | None
    csrf: str
    frozen: str | None
    warnings: tuple[str, ...]
    stream: bool
    events_count: int
    slice_s: float
    version: str
    messages: tuple[Message, ...] = ()
    yes_count: int = 0
    would_start: tuple[Change, ...] = ()
    navigation: tuple[NavigationItem, ...] = field(default=NAVIGATION)

    def link(self, path: str, **parameters: object) -> str:
        """An address that keeps range and zone where they differ from the usual. A parameter that is None is left out.

        Put values into `path` with `segment`, never by hand.
        """
        kept = {name: value for name, value in self.parameters if name in KEPT}
        return _address(path, {**kept, **parameters})

    def here(self, **parameters: object) -> str:
        """This address with some parameters changed; None takes one away."""
        return _address(self.path, {**dict(self.parameters), "fragment": None, **parameters})

    @property
    def pace(self) -> str:
        """How often numbers of the range are worth asking for again, as htmx has it."""
        return f"{pace_s(self.range.range)}s"

    @property
    def other_parameters(self) -> tuple[tuple[str, str], ...]:
        """What a form that sets the range has to carry along."""
        return tuple((name, value) for name, value in self.parameters if name not in {"from", "to", "fragment", "page"})

    def may(self, permission: Permission) -> bool:
        """Whether this visitor may do that."""
        return self.principal is not None and self.principal.may(permission)

    @property
    def may_decide(self) -> bool:
        """Approve, reject, roll back, freeze, ask for a plan."""
        return self.may(Permission.DECIDE)

    @property
    def may_administer(self) -> bool:
        """Systems, policy, people, tokens."""
        return self.may(Permission.ADMINISTER)


def pace_s(within: Range) -> int:
    """How old numbers of a range may be, in seconds: a day does not change in five of them.

    >>> [pace_s(Range(0, hours * 3_600_000)) for hours in (1, 6, 24)]
    [5, 30, 60]
    """
    return min(max(round(within.length_s / 720), 5), 60)


def steady(within: Range) -> Range:
    """A range that moves with the clock in steps of its pace, so that who looks twice in one step asks the same.

    >>> steady(Range(1_234_567, 1_234_567 + 3_600_000, True)), steady(Range(1_234_567, 4_834_567))
    (Range(from_ms=1230000, to_ms=4830000, is_live=True), Range(from_ms=1234567, to_ms=4834567, is_live=False))
    """
    if not within.is_live:
        return within
    step_ms = pace_s(within) * 1000
    to_ms = within.to_ms // step_ms * step_ms
    return Range(to_ms - within.length_ms, to_ms, True)


def segment(text: str) -> str:
    """A value as one part of a path.

    >>> segment("db:5432/shop")
    'db%3A5432%2Fshop'
    """
    return quote(text, safe="")


def _address(path: str, parameters: dict[str, object]) -> str:
    pairs = [(name, value) for name, value in parameters.items() if value is not None and value != ""]
    return f"{path}?{urlencode(pairs, quote_via=quote)}" if pairs else path


def range_of(request: Request, now_ms: int) -> RangeView:
    """The range that the address asks for, or the last hour. InputError names the field that is wrong."""
    from_text = request.query_params.get("from") or DEFAULT_FROM
    to_text = request.query_params.get("to") or DEFAULT_TO
    return RangeView(from_text, to_text, parse_range(from_text, to_text, now_ms))


def view_of(
    request: Request,
    service: Service,
    *,
    nav: str,
    version: str,
    now_ms: int,
    ranged: bool = True,
    messages: Iterable[Message] = (),
    path: str | None = None,
) -> View:
    """Everything that the frame of a page shows. `path` is the page's own, where a form was sent to another one."""
    principal = principal_of(request)
    decides = principal is not None and principal.may(Permission.DECIDE)
    frozen = service.state.kill_switch()
    return View(
        path=path or path_of(request),
        parameters=tuple(request.query_params.items()),
        nav=nav,
        range=range_of(request, now_ms),
        ranged=ranged,
        theme=_one_of(request.cookies.get("trimtab_theme"), THEMES),
        tz=_one_of(request.query_params.get("tz") or request.cookies.get("trimtab_tz"), ZONES),
        principal=principal,
        csrf=str(request.scope.get("trimtab.csrf", "")),
        frozen=frozen,
        warnings=service.warnings() if principal is not None and principal.may(Permission.LOOK) else (),
        stream=principal is not None and principal.may(Permission.LOOK),
        events_count=service.events.count,
        slice_s=service.config.watch.slice_s,
        version=version,
        messages=tuple(messages)[:_MESSAGES_MAX],
        yes_count=len(service.needs_yes()) if decides and nav not in SHOW_WAITING else 0,
        would_start=service.ready_to_start() if decides and frozen is not None else (),
    )


def plain_view(request: Request, service: Service, version: str) -> View:
    """A frame that reads nothing and takes nothing from the address: for errors."""
    now_ms = service.read.clock.now_ms()
    return View(
        path=path_of(request),
        parameters=(),
        nav="",
        range=RangeView(DEFAULT_FROM, DEFAULT_TO, parse_range(None, None, now_ms)),
        ranged=False,
        theme=_one_of(request.cookies.get("trimtab_theme"), THEMES),
        tz=_one_of(request.cookies.get("trimtab_tz"), ZONES),
        principal=principal_of(request),
        csrf=str(request.scope.get("trimtab.csrf", "")),
        frozen=None,
        warnings=(),
        stream=False,
        events_count=0,
        slice_s=service.config.watch.slice_s,
        version=version,
    )


def principal_of(request: Request) -> Principal | None:
    """Who asks, as the guard of the server found out."""
    found = request.scope.get("trimtab.principal")
    return found if isinstance(found, Principal) else None


def path_of(request: Request) -> str:
    """The path with what has to be escaped in an address escaped."""
    return quote(str(request.scope["path"]))


def _one_of(value: str | None, allowed: tuple[str, ...]) -> str:
    return value if value in allowed else allowed[0]
