"""What the pages of alerts call things, and which addresses in annotations they lead to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from trimtab.model.silences import Matcher, SilenceState
from trimtab.web.words import Word

SEVERITIES: Mapping[str, Word] = {
    "page": Word("page", "bad", "Somebody is to be woken."),
    "critical": Word("critical", "bad", "Somebody is to be woken."),
    "error": Word("error", "bad"),
    "ticket": Word("ticket", "warn", "Somebody is to look in the morning."),
    "warning": Word("warning", "warn"),
    "info": Word("info", "info"),
}
SILENCE_STATES: Mapping[SilenceState, Word] = {
    SilenceState.ACTIVE: Word("active", "live", "Alerts that fit are not told now."),
    SilenceState.PENDING: Word("begins later", "info"),
    SilenceState.EXPIRED: Word("ended", "quiet"),
}
OUTCOMES: Mapping[str, Word] = {
    "waiting": Word("waiting", "warn", "It has to be sent: it is new, or the last try did not go through."),
    "delivered": Word("delivered", "ok", "The receiver's server took it. It says nothing more than that."),
    "confirmed": Word("confirmed", "ok", "The receiver itself said that it has it."),
    "lost": Word("lost", "bad", "It was refused for good, or given up."),
    "moot": Word("not needed", "quiet", "Before it could be sent there was nothing left to tell."),
}
SEVERITY_CHARS_MAX = 20
SUMMARIES = ("summary", "message", "description", "title")
LINKS = {"runbook_url": "Runbook", "runbook": "Runbook", "dashboard_url": "Dashboard", "dashboard": "Dashboard"}


def severity_of(name: str) -> Word:
    """A severity as a badge; whatever people call theirs is shown.

    >>> severity_of("page").tone, severity_of("sev7").text, severity_of("").text
    ('bad', 'sev7', 'no severity')
    """
    if len(name) > SEVERITY_CHARS_MAX:
        return Word(f"{name[: SEVERITY_CHARS_MAX - 1]}…", meaning=name)
    return SEVERITIES.get(name, Word(name or "no severity"))


def summary_of(annotations: Mapping[str, str]) -> str:
    """What is wrong, in a sentence; '' where nobody wrote one."""
    return next((annotations[name] for name in SUMMARIES if annotations.get(name)), "")


def labels_of(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """Labels beside the name and the severity, which are shown already."""
    return [(name, value) for name, value in labels.items() if name not in ("alertname", "severity")]


def links_of(annotations: Mapping[str, str]) -> list[tuple[str, str]]:
    """Where annotations lead, with a word for each: addresses of the web alone.

    >>> links_of({"runbook_url": "https://wiki/x", "dashboard": "javascript:alert(1)", "summary": "http://no"})
    [('Runbook', 'https://wiki/x')]
    """
    return [(LINKS[name], value) for name, value in annotations.items() if name in LINKS and is_web(value)]


def is_web(address: str) -> bool:
    """Whether a browser may be led there.

    >>> is_web("https://wiki/x"), is_web("//evil"), is_web("javascript:alert(1)"), is_web("http://[")
    (True, False, False, False)
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and address.isprintable()


def matchers_text(matchers: Iterable[Matcher]) -> str:
    """Matchers as they are typed.

    >>> matchers_text((Matcher("job", "a"), Matcher("zone", "b|c", is_regex=True)))
    'job="a", zone=~"b|c"'
    """
    return ", ".join(map(str, matchers))


def silence_text(labels: Mapping[str, str]) -> str:
    """Matchers that mean exactly this alert.

    >>> silence_text({"alertname": "Down", "job": "shop"})
    'alertname="Down", job="shop"'
    """
    return matchers_text(Matcher(name, value) for name, value in labels.items())
