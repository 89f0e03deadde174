"""Who is told of alerts: settings. Receivers and routes stand in a file of their own, as Alertmanager has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from trimtab.model.setting import setting

ALERTMANAGERS_MAX = 10
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:/.+")


class From(StrEnum):
    """From which severity on something becomes an alert."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class NamedAlertmanager:
    """An Alertmanager as the configuration names it: `main=http://alertmanager:9093`."""

    name: str
    url: str

    @property
    def authorization_variable(self) -> str:
        """The environment variable with the value of the Authorization header; with `_FILE` behind it, the one that
        names a file with it.

        >>> alertmanager_of("am-1=http://am:9093/").authorization_variable
        'TRIMTAB_ALERTMANAGER_AM_1_AUTHORIZATION'
        """
        return f"TRIMTAB_ALERTMANAGER_{self.name.replace('-', '_').upper()}_AUTHORIZATION"


def alertmanager_of(text: str) -> NamedAlertmanager:
    """The parts of a text that `alertmanager_problem` finds nothing wrong with."""
    name, _, url = text.partition("=")
    return NamedAlertmanager(name, url.rstrip("/"))


def alertmanager_problem(text: str) -> str | None:
    """What is wrong with NAME=URL, None where nothing is.

    >>> alertmanager_problem("main=http://am:9093"), alertmanager_problem("http://am:9093").partition(",")[0]
    (None, 'it is NAME=URL')
    >>> alertmanager_problem("a=http://me:secret@am:9093").partition(":")[0]
    'the URL holds a password'
    """
    name, equals, url = text.partition("=")
    if not equals or not _NAME.fullmatch(name):
        return "it is NAME=URL, such as 'main=http://alertmanager:9093'; NAME has a-z 0-9 - _"
    try:
        parts = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        return "the URL cannot be read"
    if parts.username is not None or parts.password is not None:
        variable = NamedAlertmanager(name, "").authorization_variable
        return f"the URL holds a password: put the value of the Authorization header into {variable}"
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_right:
        return "the URL begins with http:// or https://, and names a host"
    return "the URL has a query or fragment" if parts.query or parts.fragment else None


def reference_problem(text: str) -> str | None:
    """What is wrong with a reference to a secret, None where nothing is.

    >>> reference_problem(""), reference_problem("env:SNITCH"), reference_problem("https://x/y").partition(",")[0]
    (None, None, 'it names where the value stands')
    """
    if not text or _REFERENCE.fullmatch(text):
        return None
    return "it names where the value stands, env:NAME or file:/PATH; the value itself does not belong here"


def page_url_problem(text: str) -> str | None:
    """What is wrong with the address of the page, None where nothing is.

    >>> page_url_problem(""), page_url_problem("https://trimtab.example"), page_url_problem("trimtab.example")
    (None, None, 'it begins with http:// or https://, and has no ? and no #')
    """
    if not text or (text.startswith(("http://", "https://")) and not set(text) & set('?# "<>')):
        return None
    return "it begins with http:// or https://, and has no ? and no #"


@dataclass(frozen=True, slots=True)
class NotifyPolicy:
    """Where alerts go. Without any of these they are seen on the page and by the API alone."""

    alertmanagers: tuple[str, ...] = setting(
        (),
        "Alertmanagers, as NAME=URL; each gets every alert. Credentials are of the environment: "
        "TRIMTAB_ALERTMANAGER_NAME_AUTHORIZATION or ..._AUTHORIZATION_FILE.",
        low=0,
        high=ALERTMANAGERS_MAX,
        needs_restart=True,
        problem=alertmanager_problem,
    )
    routes: str = setting(
        "",
        "File with receivers that are told directly, routes and inhibition, in the form of Alertmanager's "
        "configuration. Relative to this file's folder; read again when it changes.",
        needs_restart=True,
    )
    page_url: str = setting(
        "",
        "Address at which people reach this server, for the links in what they are told. Empty: where it listens.",
        needs_restart=True,
        problem=page_url_problem,
    )
    resend_s: float = setting(
        60.0,
        "How often an alert that fires is sent to Alertmanager again. It counts as resolved there when nothing came "
        "for four times as long.",
        unit="s",
        low=1,
        high=600,
    )
    give_up_s: float = setting(
        14_400.0,
        "How long a receiver that cannot be reached is tried before a notification counts as lost.",
        unit="s",
        low=60,
        high=604_800,
    )
    timeout_s: float = setting(10.0, "How long a receiver is waited for.", unit="s", low=0.1, high=120)
    history_days: float = setting(
        400.0, "How long alerts that ended are kept in the history.", unit="days", low=1, high=3650
    )
    findings: From = setting(From.WARNING, "From which severity on a case that is not closed is an alert.")
    changes: From = setting(
        From.WARNING, "From which severity on a change is an alert: waiting for a yes, taken back, failed (info: all)."
    )
    watchdog: bool = setting(
        False,
        "Whether an alert named Watchdog fires as long as alerts are evaluated: somebody else has to ring when it "
        "does not come.",
    )
    heartbeat: str = setting(
        "",
        "Where the address stands (env:NAME or file:/PATH) that is asked every heartbeat_s as long as alerts are "
        "evaluated and told, such as that of a dead man's switch. Empty: none is.",
        needs_restart=True,
        problem=reference_problem,
    )
    heartbeat_s: float = setting(60.0, "How often the address of `heartbeat` is asked.", unit="s", low=1, high=3600)
