"""The reference of the configuration as Markdown, made from the declarations: it cannot say anything else."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.app.settings import SECTIONS, SETTINGS, Kind, Section, Setting, number, settings_in
from trimtab.model.change import AUTONOMY_MEANINGS

_ABOUT_LAYERS = """\
A value comes from the last of these that says anything: its default; its section in the file; the same section under
`[target."NAME"]`, for the system of that name; an override by an administrator for all systems; one for that system.
`trimtab policy --system NAME` shows what is in force and where it comes from.

The file is read again within seconds when it changes, and at once on SIGHUP. A file with anything wrong in it changes
nothing: what is wrong is in the log, in `trimtab status` and on the page, and the last good file stays in force.
Settings marked *restart* are read only when the server starts. `trimtab config check FILE` tells everything that is
wrong with a file, with line and column, and ends with exit code 2.
"""

_ABOUT_WINDOWS = """\
`Mon-Fri 22:00-06:00 Europe/Berlin`: days (`Mon-Fri`, `Sat,Sun`; left out: every day), hours, and a time zone by its
IANA name (left out: UTC). An end that is not after its start is on the next day, and the window belongs to the day on
which it begins. `00:00-24:00` is the whole day. Windows that touch are one.

On nights when the clocks are put forward or back a window is as long as the night really is; where its start or end is
a time of day that does not exist or comes twice, the narrower reading counts.

Outside of all windows no change is begun, approved or not. A change is begun only if `window_build_factor` times its
predicted build time and `window_margin_s` are left. A build that still runs when the window closes is stopped, cleaned
up, and tried again in a later window. What was applied is watched on after the window has closed, and is taken back at
any time.
"""

_ABOUT_APPROVALS = """\
A person's yes is for exactly one change: it is bound to the hash of what would be done and where, and to every limit
that was in force when it was given. It is void when the change's content is another, when `approval_valid_s` is over,
and when any limit of that kind of change was set to something else since (all of the section but `autonomy`,
`approval_valid_s` and `retry_measured_after_s`): who widens a limit does not widen another person's yes. Void is void:
it is written into the ledger, and setting the limit back does not bring the yes back. Then a person looks again.
"""

_ABOUT_FREEZES = """\
After `freeze_after_rollbacks` rollbacks within `freeze_window_s` the kind of change is frozen on that system: nothing
new of it is applied until a person thaws it with `trimtab thaw --system NAME`. Rollbacks from before that do not count
again. A person can freeze, too: everything (`trimtab freeze`), one system (`--system NAME`), or one kind of change on
it (`--kind create_index`). Watching and taking back go on in every case.
"""


def configuration_markdown() -> str:
    """The whole page, ended by one line break."""
    return "\n".join(_page())


def _page() -> Iterator[str]:
    yield "# Configuration"
    yield ""
    yield (f"One file in TOML, `trimtab up --config FILE`. {len(SETTINGS)} settings, each with a default that serves.")
    yield ""
    yield _ABOUT_LAYERS
    for section in SECTIONS.values():
        yield from _section(section)
    yield from ("## Autonomy", "", "What trimtab does about a finding, by `autonomy` of that kind of change:", "")
    yield from ("| autonomy | |", "|---|---|")
    for autonomy, meaning in AUTONOMY_MEANINGS.items():
        yield f"| `{autonomy.value}` | {meaning} |"
    yield ""
    for title, text in (
        ("Change windows", _ABOUT_WINDOWS),
        ("Approvals", _ABOUT_APPROVALS),
        ("Freezes", _ABOUT_FREEZES),
    ):
        yield from (f"## {title}", "", text)


def _section(section: Section) -> Iterator[str]:
    where = (
        f'For one system: `[target."NAME".{section.name}]`. An administrator can override it while the server runs.'
        if section.per_target
        else "For the whole server, and only in the file."
    )
    yield from (f"## [{section.name}]", "", f"{section.doc} {where}", "")
    yield from ("| setting | default | limits | |", "|---|---|---|---|")
    for setting in settings_in(section.name).values():
        restart = " *restart*" if setting.about.needs_restart else ""
        yield f"| `{setting.key}` | {_default(setting)} | {_limits(setting)} | {setting.about.doc}{restart} |"
    yield ""


def _default(setting: Setting) -> str:
    if setting.kind is Kind.TEXTS:
        return "`[]`"
    if isinstance(setting.default, bool):
        return f"`{str(setting.default).lower()}`"
    if isinstance(setting.default, int | float):
        return f"{_amount(setting.default)} {setting.about.unit}".rstrip()
    return f'`"{setting.default}"`'


def _limits(setting: Setting) -> str:
    about = setting.about
    if setting.choices:
        return ", ".join(f"`{choice}`" for choice in setting.choices)
    if about.low is None or about.high is None:
        return setting.kind.value
    items = " items" if setting.kind is Kind.TEXTS else ""
    whole = ", whole" if setting.kind is Kind.WHOLE else ""
    return f"{_amount(about.low)} to {_amount(about.high)}{items}{whole}"


def _amount(value: float) -> str:
    """A number with its thousands set apart, as TOML takes it.

    >>> _amount(604_800), _amount(0.05)
    ('604_800', '0.05')
    """
    return f"{int(value):_}" if float(value).is_integer() else number(value)
