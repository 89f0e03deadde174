"""How the tables of a system are written, from what the watch has stored."""

from __future__ import annotations

from trimtab.sql.catalog import TableWrites
from trimtab.store.telemetry import TelemetryStore

WINDOW_S = 3600.0
LOOKS_MIN = 2

RATES = (
    "SELECT relation, sum(n_tup_ins) AS ins, sum(n_tup_upd) AS upd, sum(n_tup_hot_upd) AS hot, sum(n_tup_del) AS del, "
    "min(sampled_at_ms) AS first_ms, max(sampled_at_ms) AS last_ms, count() AS looks FROM table_statistics "
    "WHERE system = {system:String} AND sampled_at_ms >= {since:Int64} GROUP BY relation"
)


def write_rates(telemetry: TelemetryStore, system: str, now_ms: int) -> dict[str, TableWrites]:
    """Rows written per second over the last hour, by `schema.table`; tables that were seen once only are left out.

    The counters of one look are since the look before, so that n looks cover the time from one look before the first
    to the last: it is estimated as (last - first) n / (n - 1).
    """
    found = telemetry.query(RATES, {"system": system, "since": now_ms - int(WINDOW_S * 1000)}).to_pylist()
    rates: dict[str, TableWrites] = {}
    for row in found:
        looks = int(row["looks"])
        if looks < LOOKS_MIN:
            continue
        seconds = (row["last_ms"] - row["first_ms"]) / 1000 * looks / (looks - 1)
        if seconds <= 0:
            continue
        rates[str(row["relation"])] = TableWrites(
            inserts_per_s=row["ins"] / seconds,
            updates_per_s=row["upd"] / seconds,
            hot_updates_per_s=row["hot"] / seconds,
            deletes_per_s=row["del"] / seconds,
            source=f"table statistics of the last {seconds:.0f} s",
        )
    return rates
