"""Clouds as tables."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from trimtab.cli.output import Json, moment, plain, table

NOTHING = "-"


def clouds(console: Console, answer: Json) -> None:
    """What was not read, then what there is."""
    counts = answer["counts"]
    if not answer["accounts"]:
        example = "[clouds] accounts = ['prod=aws regions=eu-central-1']"
        console.print(f"No cloud account is configured: {example}.", markup=False)
        return
    names = ", ".join(f"{one['account']} ({one['cloud']})" for one in answer["accounts"])
    console.print(Text(f"Accounts: {names}"))
    if counts["waiting"]:
        console.print(Text(f"{counts['waiting']} questions were not answered yet: the first look is under way."))
    _not_read(console, answer)
    _instances(console, answer)
    _scaling(console, answer)
    _pools(console, answer)
    _databases(console, answer)


def _not_read(console: Console, answer: Json) -> None:
    failed = [one for one in answer["asked"] if not one["is_ok"]]
    missing = [(one, lost) for one in answer["asked"] for lost in one["missing"]]
    cut = [one for one in answer["asked"] if one["is_cut"]]
    if not failed and not missing and not cut:
        return
    rows = table("\nNot read", "account", "region", "what", "trouble", "why", "last read")
    for one in failed:
        read = moment(one["read_at_ms"]) if one["read_at_ms"] else "never"
        rows.add_row(one["account"], one["region"] or "all", one["what"], one["trouble"], plain(one["problem"]), read)
    for one, lost in missing:
        rows.add_row(
            one["account"], lost["region"] or "all", plain(lost["what"]), lost["trouble"], plain(lost["why"]), NOTHING
        )
    for one in cut:
        why = f"there are more than {one['count']}: clouds.items_max"
        rows.add_row(one["account"], one["region"] or "all", one["what"], "cut", why, moment(one["read_at_ms"]))
    console.print(rows)


def _instances(console: Console, answer: Json) -> None:
    counts = answer["counts"]
    title = f"\nInstances: {counts['running']} of {counts['instances']} run, {counts['unhealthy_instances']} unhealthy"
    if not answer["instances"]:
        console.print(Text(title, "italic"))
        return
    rows = table(title, "account", "region", "name", "id", "type", "state", "health", "why")
    for one in answer["instances"]:
        rows.add_row(
            one["account"],
            one["zone"] or one["region"],
            plain(one["name"] or NOTHING),
            plain(_last(one["id"])),
            one["type"] or NOTHING,
            _state(one),
            one["health"],
            plain(one["why"]),
        )
    console.print(rows)
    _more(console, len(answer["instances"]), counts["instances"])


def _scaling(console: Console, answer: Json) -> None:
    counts = answer["counts"]
    if answer["groups"]:
        rows = table("\nScaling groups", "account", "region", "group", "running", "wanted", "from", "to", "note")
        for one in answer["groups"]:
            sizes = (one[name] for name in ("running_count", "desired_count", "low_count", "high_count"))
            texts = (NOTHING if size is None else str(size) for size in sizes)
            rows.add_row(one["account"], one["region"], plain(one["name"]), *texts, plain(one["why"]))
        console.print(rows)
        _more(console, len(answer["groups"]), counts["groups"])
    if answer["events"]:
        rows = table("\nScaling events", "when", "account", "region", "group", "outcome", "what", "why")
        for one in answer["events"]:
            rows.add_row(
                moment(one["at_ms"]),
                one["account"],
                one["region"] or NOTHING,
                plain(one["group"]),
                one["outcome"],
                plain(one["what"]),
                plain(one["why"]),
            )
        console.print(rows)
        _more(console, len(answer["events"]), counts["events"])


def _pools(console: Console, answer: Json) -> None:
    if not answer["pools"]:
        return
    title = f"\nLoad balancers: {answer['counts']['unhealthy_targets']} unhealthy targets"
    rows = table(title, "account", "region", "balancer", "pool", "healthy", "targets", "unhealthy", "why")
    for one in answer["pools"]:
        share = one["healthy_ratio"]
        bad = [target for target in one["targets"] if target["health"] == "unhealthy"]
        told = "; ".join(f"{target['id']}: {target['why'] or target['state']}" for target in bad[:3])
        rows.add_row(
            one["account"],
            one["region"],
            plain(", ".join(one["balancers"]) or NOTHING),
            plain(one["name"] or NOTHING),
            NOTHING if share is None else f"{share:.0%}",
            str(len(one["targets"])),
            str(len(bad)),
            plain(told or one["why"]),
        )
    console.print(rows)
    _more(console, len(answer["pools"]), answer["counts"]["pools"])


def _databases(console: Console, answer: Json) -> None:
    if not answer["databases"]:
        return
    rows = table("\nDatabases", "account", "region", "name", "engine", "state", "connections", "of", "cpu", "note")
    for one in answer["databases"]:
        metrics = {metric["name"]: metric["value"] for metric in one["metrics"]}
        cpu = metrics.get("cpu_utilization_ratio")
        whys = dict.fromkeys(one[name]["why"] for name in ("connections", "connections_max") if one[name]["why"])
        rows.add_row(
            one["account"],
            one["region"],
            plain(one["name"]),
            plain(one["engine"]),
            _state(one),
            _number(one["connections"]["value"]),
            _number(one["connections_max"]["value"]),
            NOTHING if cpu is None else f"{cpu:.0%}",
            plain("; ".join(whys)),
        )
    console.print(rows)
    _more(console, len(answer["databases"]), answer["counts"]["databases"])


def _more(console: Console, shown: int, count: int) -> None:
    if shown < count:
        console.print(Text(f"and {count - shown} more (--limit, --search, --account)"))


def _state(one: Json) -> str:
    return f"{one['state']} (old)" if one["is_old"] else str(one["state"])


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0f}"


def _last(identity: str) -> str:
    """The last part of a long id.

    >>> _last("/subscriptions/s/virtualMachines/vm1"), _last("i-1")
    ('vm1', 'i-1')
    """
    return identity.rpartition("/")[2]
