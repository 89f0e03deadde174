"""Accounts of clouds: which there are. What they are asked is `trimtab.extend.clouds`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from trimtab.model.setting import setting

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_KIND = re.compile(r"[a-z][a-z0-9]{0,30}")
_KEY = re.compile(r"[a-z][a-z_]{0,30}")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_SECRET = re.compile(r"secret|password|token|(^|_)key(_|$)")
_VALUE = re.compile(r"[A-Za-z0-9_+=,.@:/-]{1,300}")
ACCOUNTS_MAX = 50
REGIONS_MAX = 40
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Named:
    """An account as the configuration names it: `prod=aws role=arn:aws:iam::1:role/look regions=eu-central-1`."""

    name: str
    kind: str
    options: Mapping[str, str]
    regions: tuple[str, ...]


def named_of(text: str) -> Named:
    """The parts of a text that `account_problem` finds nothing wrong with.

    >>> named_of("prod=aws profile=ops regions=eu-central-1,us-east-1")
    Named(name='prod', kind='aws', options={'profile': 'ops'}, regions=('eu-central-1', 'us-east-1'))
    """
    first, *rest = text.split()
    name, _, kind = first.partition("=")
    options = dict(word.partition("=")[::2] for word in rest)
    regions = tuple(region for region in options.pop("regions", "").split(",") if region)
    return Named(name, kind, options, regions)


def account_problem(text: str) -> str | None:
    """What is wrong with NAME=KIND and its options, None where nothing is.

    >>> account_problem("prod=aws"), account_problem("prod").partition(",")[0]
    (None, 'it is NAME=KIND OPTION=VALUE …')
    >>> account_problem("a=aws secret_access_key=x").partition(":")[0]
    'secret_access_key looks like a secret'
    >>> account_problem("a=aws endpoint=http://example.com")
    'endpoint has to begin with https://: credentials go there (http:// is for this machine alone)'
    """
    words = text.split()
    name, equals, kind = words[0].partition("=") if words else ("", "", "")
    if not equals or not _NAME.fullmatch(name) or not _KIND.fullmatch(kind):
        return "it is NAME=KIND OPTION=VALUE …, such as 'prod=aws regions=eu-central-1'; NAME has a-z 0-9 - _"
    seen: set[str] = set()
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if not equals or not _KEY.fullmatch(key) or not value:
            return f"an option is NAME=VALUE, found {word[:40]!r}"
        if key in seen:
            return f"{key} is said twice"
        seen.add(key)
        problem = _option_problem(key, value)
        if problem is not None:
            return problem
    return None


def _option_problem(key: str, value: str) -> str | None:
    if _SECRET.search(key):
        return (
            f"{key} looks like a secret: credentials come by the vendor's own chain (environment, files, the machine)"
        )
    if not _VALUE.fullmatch(value):
        return f"{key} has characters that are in no such value, or more than 300 of them"
    if key == "regions":
        regions = value.split(",")
        wrong = next((region for region in regions if not _REGION.fullmatch(region)), None)
        if wrong is not None:
            return f"regions has {wrong[:40]!r}, which is not the name of a region"
        if len(regions) > REGIONS_MAX:
            return f"regions has {len(regions)} names, the limit is {REGIONS_MAX}"
    if key == "endpoint":
        return _endpoint_problem(value)
    return None


def _endpoint_problem(value: str) -> str | None:
    try:
        parts = urlsplit(value)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        return "endpoint cannot be read"
    if parts.username is not None or parts.password is not None:
        return "endpoint holds a user or password"
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_right or parts.query:
        return "endpoint is a URL with https:// and a host"
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return "endpoint has to begin with https://: credentials go there (http:// is for this machine alone)"
    return None


@dataclass(frozen=True, slots=True)
class CloudsPolicy:
    """Accounts whose machines, load balancers and databases are looked at. Nothing there is changed."""

    accounts: tuple[str, ...] = setting(
        (),
        "Accounts as NAME=KIND with options behind: 'prod=aws role=ARN regions=eu-central-1,us-east-1', "
        "'data=gcp project=ID', 'shop=azure subscription=ID'. Credentials come by the vendors' own chains.",
        low=0,
        high=ACCOUNTS_MAX,
        needs_restart=True,
        problem=account_problem,
    )
    interval_s: float = setting(
        60.0, "How often accounts are looked at.", unit="s", low=10, high=3600, needs_restart=True
    )
    timeout_s: float = setting(10.0, "How long one request may take.", unit="s", low=0.2, high=120, needs_restart=True)
    look_s_max: float = setting(
        45.0,
        "How long one account may take in one region for one thing, with all pages and tries.",
        unit="s",
        low=0.5,
        high=600,
        needs_restart=True,
    )
    items_max: int = setting(
        2_000,
        "How many machines, groups, load balancers or databases are read of one region; more is said, not read.",
        unit="items",
        low=1,
        high=20_000,
        needs_restart=True,
    )
    event_hours: float = setting(
        24.0, "How far back scaling events are asked for.", unit="h", low=0.1, high=720, needs_restart=True
    )
