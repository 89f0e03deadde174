"""The accounts of the configuration, opened by the plug-ins of their kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trimtab.extend.clouds import CLOUDS, Account, Cloud, Kind
from trimtab.extend.registry import load
from trimtab.model.clouds import CloudsPolicy, named_of
from trimtab.model.errors import ConfigError, MissingError

Kinds = Callable[[], Mapping[str, Kind]]


def installed() -> Mapping[str, Kind]:
    """The kinds of clouds that there are."""
    return load(CLOUDS)


def accounts_of(policy: CloudsPolicy) -> tuple[Account, ...]:
    """What the configuration names; the first of two with the same name."""
    found: dict[str, Account] = {}
    for text in policy.accounts:
        named = named_of(text)
        made = Account(
            named.name,
            named.kind,
            named.options,
            named.regions,
            timeout_s=policy.timeout_s,
            items_max=policy.items_max,
        )
        found.setdefault(named.name, made)
    return tuple(found.values())


def said_twice(policy: CloudsPolicy) -> tuple[str, ...]:
    """Names that two accounts have."""
    names = [named_of(text).name for text in policy.accounts]
    return tuple(sorted({name for name in names if names.count(name) > 1}))


def opened(account: Account, kinds: Mapping[str, Kind]) -> Cloud:
    """The account, to be asked. MissingError: no such kind; ConfigError: an option that it does not have or needs."""
    kind = kinds.get(account.kind)
    if kind is None:
        known = ", ".join(sorted(kinds)) or "none"
        raise MissingError(f"account {account.name}: there is no cloud {account.kind!r} (known: {known})")
    unknown = sorted(set(account.options) - kind.options)
    if unknown:
        known = ", ".join(sorted({*kind.options, "regions"}))
        raise ConfigError(f"account {account.name}: {account.kind} has no option {unknown[0]!r} (known: {known})")
    needed = sorted(kind.needed - set(account.options))
    if needed:
        raise ConfigError(f"account {account.name}: {account.kind} needs the option {needed[0]!r}")
    return kind.make(account)
