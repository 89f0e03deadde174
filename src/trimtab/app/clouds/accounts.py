"""The accounts of the configuration, opened by the plug-ins of their kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from trimtab.extend.clouds import CLOUDS, Account, Cloud, Kind
from trimtab.extend.registry import load
from trimtab.model.clouds import CloudsPolicy, Named, named_of
from trimtab.model.errors import ConfigError, MissingError

Kinds = Callable[[], Mapping[str, Kind]]


def installed() -> Mapping[str, Kind]:
    """The kinds of clouds that there are."""
    return load(CLOUDS)


def accounts_of(policy: CloudsPolicy) -> tuple[Account, ...]:
    """What the configuration names; a file with two of one name is refused (`account_problems`)."""
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


def account_problems(accounts: Sequence[str], kinds: Kinds = installed) -> Iterator[tuple[int, str]]:
    """What is wrong with accounts by what is installed, with the place of each: kinds and options that there are not,
    options that are missing, and names that stand there twice."""
    known = kinds() if accounts else {}
    seen: set[str] = set()
    for place, text in enumerate(accounts):
        named = named_of(text)
        problem = _problem(named, known)
        if problem:
            yield place, problem
        if named.name in seen:
            yield place, f"the name {named.name!r} stands here twice: each account has its own"
        seen.add(named.name)


def _problem(account: Named | Account, kinds: Mapping[str, Kind]) -> str:
    kind = kinds.get(account.kind)
    if kind is None:
        return (
            f"account {account.name}: there is no cloud {account.kind!r} (known: {', '.join(sorted(kinds)) or 'none'})"
        )
    unknown = sorted(set(account.options) - kind.options)
    if unknown:
        known = ", ".join(sorted({*kind.options, "regions"}))
        return f"account {account.name}: {account.kind} has no option {unknown[0]!r} (known: {known})"
    needed = sorted(kind.needed - set(account.options))
    return f"account {account.name}: {account.kind} needs the option {needed[0]!r}" if needed else ""


def opened(account: Account, kinds: Mapping[str, Kind]) -> Cloud:
    """The account, to be asked. MissingError: no such kind; ConfigError: an option that it does not have or needs."""
    problem = _problem(account, kinds)
    if account.kind not in kinds:
        raise MissingError(problem)
    if problem:
        raise ConfigError(problem)
    return kinds[account.kind].make(account)
