"""Builds what the adviser proposes, for real, and compares the predicted with the measured ratio.

    python -m benchmarks.predicted_vs_measured [--scale 4] [--calls 5] [--json FILE]

On a private PostgreSQL; tables of tests/advise/shop.sql times `scale`. Every proposal (up to three a query) is built,
the table analysed and vacuumed, the same calls made again, the index dropped. Times are means of pg_stat_statements;
before and after are measured twice, in turn, and the lower mean of each counts (the machine is shared).
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psycopg

from benchmarks.predicted_queries import SHAPES, Shape
from demo.cluster import ROLE_STATEMENTS, Cluster
from trimtab.advise.index.advisor import advise
from trimtab.model.change import Proposal
from trimtab.model.query import SlowQuery
from trimtab.sql.catalog import TableWrites
from trimtab.sql.connect import Reference
from trimtab.sql.identifiers import qualified
from trimtab.sql.index_ddl import create_statement, readable

SHOP_SQL = Path(__file__).parent.parent / "tests" / "advise" / "shop.sql"
DATABASE = "predicted"
NO_WRITES = {
    **{f"public.{table}": TableWrites() for table in ("users", "orders", "items", "events")},
    "Big Shop.Order Lines": TableWrites(),
}
"""Nobody writes while this runs; the server's counters know of nothing but the filling."""


@dataclass(frozen=True)
class Row:
    """One proposal: ratios are after ÷ before; `residual` is log(measured ÷ predicted)."""

    shape: str
    index: str
    risk: str
    rests_on: str
    today_ms: float
    before_ms: float
    after_ms: float
    predicted_ratio: float
    interval_low: float
    interval_high: float
    measured_ratio: float
    size_predicted_bytes: int
    size_measured_bytes: int

    @property
    def residual(self) -> float:
        """How wrong the prediction was, on a log scale."""
        return math.log(self.measured_ratio / self.predicted_ratio)

    @property
    def inside(self) -> bool:
        """Whether the measured ratio lies in the interval."""
        return self.interval_low <= self.measured_ratio <= self.interval_high


def fill(cluster: Cluster, scale: int) -> None:
    """The test shop with every generated table `scale` times as long."""
    cluster.execute(*ROLE_STATEMENTS, f"CREATE DATABASE {DATABASE}")
    text = re.sub(
        r"generate_series\(1, (\d+)\)", lambda m: f"generate_series(1, {int(m[1]) * scale})", SHOP_SQL.read_text()
    )
    parts = ["CREATE EXTENSION pg_stat_statements", "CREATE EXTENSION hypopg", *text.split(";\n")]
    cluster.execute(*(part for part in parts if part.strip()), database=DATABASE)


def mean_ms(connection: psycopg.Connection[tuple[object, ...]], statements: Sequence[str], calls: int) -> float:
    """Mean execution time of all statements, each called `calls` times, by pg_stat_statements."""
    connection.execute("SELECT pg_stat_statements_reset()")
    for _ in range(calls):
        for statement in statements:
            connection.execute(statement.encode(), prepare=False).fetchall()
    row = connection.execute(
        "SELECT sum(total_exec_time) / sum(calls) FROM pg_stat_statements WHERE query NOT ILIKE '%pg_stat_statements%'"
    ).fetchone()
    return float(str(row[0])) if row else math.nan


def measured(
    connection: psycopg.Connection[tuple[object, ...]], shape: Shape, proposal: Proposal, calls: int
) -> tuple[float, float, int]:
    """Mean ms before and after, and the index's real size."""
    table = qualified(proposal.index.schema, proposal.index.table)
    statements = shape.statements()
    before: list[float] = []
    after: list[float] = []
    size_bytes = 0
    for _ in range(2):
        mean_ms(connection, statements[:2], 1)
        before.append(mean_ms(connection, statements, calls))
        connection.execute(create_statement(proposal.index, "measured_index", concurrently=False).encode())
        connection.execute(f"VACUUM ANALYZE {table}".encode())
        name = qualified(proposal.index.schema, "measured_index")
        row = connection.execute("SELECT pg_relation_size(%s::regclass)", [name]).fetchone()
        size_bytes = int(str(row[0])) if row else 0
        mean_ms(connection, statements[:2], 1)
        after.append(mean_ms(connection, statements, calls))
        connection.execute(f"DROP INDEX {name}".encode())
    return min(before), min(after), size_bytes


def compare(cluster: Cluster, shape: Shape, calls: int) -> list[Row]:
    """Advice on one shape, every proposal measured."""
    statements = shape.statements()
    rows: list[Row] = []
    with (
        psycopg.connect(cluster.dsn(DATABASE), autocommit=True) as owner,
        Reference.parse(cluster.dsn(DATABASE, "trimtab_watch")).connect("trimtab/advise") as watch,
    ):
        owner.execute("SET statement_timeout = '60s'")
        mean_ms(owner, statements, 1)
        today_ms = mean_ms(owner, statements, calls)
        query = SlowQuery(statements[0], calls=10, mean_exec_time_ms=today_ms, samples=statements)
        advice = advise(watch, query, system="benchmark", writes=NO_WRITES)
        for proposal in advice.proposals:
            before_ms, after_ms, size_bytes = measured(owner, shape, proposal, calls)
            rests_on = proposal.interval_source.split(":")[0].removeprefix("prior for ")
            low, high = proposal.predicted_interval_90
            rows.append(
                Row(
                    shape.name, readable(proposal.index), str(proposal.risk), rests_on, today_ms, before_ms, after_ms,
                    proposal.predicted_ratio, low, high, after_ms / before_ms, proposal.size_bytes, size_bytes,
                )
            )  # fmt: skip
        if not rows:
            sys.stdout.write(f"{shape.name}: {advice.reason}\n")
    return rows


def report(rows: Sequence[Row]) -> str:
    """The table, and the quantiles that `prior.toml` is set from."""
    lines = [
        f"{'query':38} {'predicted':>9} {'interval 90 %':>17} {'measured':>9} {'in':>3}  size MB model/real"
        "  index (risk; rests on)"
    ]
    for row in rows:
        interval = f"{row.interval_low:.4f}..{row.interval_high:.3f}"
        sizes = f"{row.size_predicted_bytes / 1e6:.2f}/{row.size_measured_bytes / 1e6:.2f}"
        lines.append(
            f"{row.shape[:38]:38} {row.predicted_ratio:9.4f} {interval:>17} {row.measured_ratio:9.4f} "
            f"{'yes' if row.inside else 'NO':>3}  {sizes:>18}  {row.index} ({row.risk}; {row.rests_on})"
        )
    for name in ["all", *sorted({row.rests_on for row in rows})]:
        residuals = [row.residual for row in rows if name in {"all", row.rests_on}]
        low, mid, high = np.quantile(residuals, [0.05, 0.5, 0.95])
        inside = sum(row.inside for row in rows if name in {"all", row.rests_on})
        lines.append(
            f"{name}: n = {len(residuals)}, log(measured / predicted) 5 % {low:.2f}, "
            f"median {mid:.2f}, 95 % {high:.2f}; "
            f"{inside} of {len(residuals)} inside their interval"
        )
    slower = [row for row in rows if row.measured_ratio > 1.05]
    lines.append(
        f"slower in truth by more than 5 %: {len(slower)} of {len(rows)}: {', '.join(r.shape for r in slower) or '-'}"
    )
    factors = sorted(row.size_predicted_bytes / row.size_measured_bytes for row in rows)
    middle = factors[len(factors) // 2]
    lines.append(f"size, model / real: min {factors[0]:.2f}, median {middle:.2f}, max {factors[-1]:.2f}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; exit 1 when nothing was proposed at all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--calls", type=int, default=3)
    parser.add_argument("--only", default="", help="part of a query's name")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    with Cluster.temporary({"shared_buffers": "512MB", "fsync": "off", "autovacuum": "off"}) as cluster:
        fill(cluster, options.scale)
        rows = [row for shape in SHAPES if options.only in shape.name for row in compare(cluster, shape, options.calls)]
    if not rows:
        return 1
    sys.stdout.write(report(rows) + "\n")
    if options.json:
        options.json.write_text(json.dumps([{**asdict(row), "residual": row.residual} for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
