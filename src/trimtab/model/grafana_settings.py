"""A user's Grafana: where it is, and what is put there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from trimtab.model.setting import setting

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:/.+")
_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")


def url_problem(text: str) -> str | None:
    """What is wrong with an address, None where nothing is; empty: there is none.

    >>> url_problem(""), url_problem("https://grafana.example/sub"), url_problem("grafana:3000")
    (None, None, 'it begins with http:// or https://, and names a host')
    >>> url_problem("https://me:secret@grafana")
    'the URL holds a password: put a token where grafana.token names it'
    """
    try:
        parts = urlsplit(text)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        return "the URL cannot be read"
    if not text:
        return None
    if parts.username is not None or parts.password is not None:
        return "the URL holds a password: put a token where grafana.token names it"
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_right:
        return "it begins with http:// or https://, and names a host"
    return "the URL has a query or fragment" if parts.query or parts.fragment else None


def reference_problem(text: str) -> str | None:
    """What is wrong with a reference to a secret, None where nothing is.

    >>> reference_problem("env:GRAFANA_TOKEN"), reference_problem("glsa_x")
    (None, "it names where the value stands, such as 'env:GRAFANA_TOKEN' or 'file:/run/secrets/grafana'")
    """
    if not text or _REFERENCE.fullmatch(text):
        return None
    return "it names where the value stands, such as 'env:GRAFANA_TOKEN' or 'file:/run/secrets/grafana'"


def uid_problem(text: str) -> str | None:
    """What is wrong with the uid of a folder.

    >>> uid_problem("trimtab"), uid_problem("a b")
    (None, 'it has 1 to 40 of a-z A-Z 0-9 - _')
    """
    return None if _UID.fullmatch(text) else "it has 1 to 40 of a-z A-Z 0-9 - _"


@dataclass(frozen=True, slots=True)
class GrafanaPolicy:
    """What `trimtab dashboards push` puts where, and what trimtab tells there by itself."""

    url: str = setting("", "Address of your Grafana; empty: there is none.", needs_restart=True, problem=url_problem)
    token: str = setting(
        "",
        "Where the token of a service account stands: env:NAME or file:/PATH. It is read anew for each push, and never "
        "kept or shown.",
        needs_restart=True,
        problem=reference_problem,
    )
    folder: str = setting("trimtab", "Title of the folder there.", needs_restart=True)
    folder_uid: str = setting("trimtab", "Its uid.", needs_restart=True, problem=uid_problem)
    source_url: str = setting(
        "",
        "Address at which that Grafana reaches trimtab, for the data sources; empty: the server's own.",
        needs_restart=True,
        problem=url_problem,
    )
    source_token: str = setting(
        "",
        "Where the token of trimtab's stands that the data sources send, if a login is needed: env:NAME or file:/PATH.",
        needs_restart=True,
        problem=reference_problem,
    )
    alert_rules: bool = setting(
        False, "Whether trimtab's alerting rules are put there, too; then both tell of the same.", needs_restart=True
    )
    annotations: bool = setting(
        True, "Whether every change that trimtab makes is told there as an annotation.", needs_restart=True
    )
    timeout_s: float = setting(10.0, "Of one request there.", unit="s", low=0.5, high=120.0, needs_restart=True)
    ca_file: str = setting("", "Authorities to believe for https:// (PEM); empty: the system's.", needs_restart=True)
