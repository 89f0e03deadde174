"""Public index advisers on the same database and statements, run as their authors publish them.

    python -m benchmarks.advise.references FOLDER DSN WORKLOAD ALGORITHM PARAMETER VALUE WIDTH

Their code is not part of this project: it is looked for in folders below TRIMTAB_BENCH_DATA
(`index_selection_evaluation`, a checkout of hyrise/index_selection_evaluation; `dexter`, one of ankane/dexter). Only
the connection to the database is ours: theirs drops every index of the schema when an algorithm begins.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from trimtab.advise.workload.statements import WorkloadStatement, read_statements

DATA_VARIABLE = "TRIMTAB_BENCH_DATA"
TIMEOUT_S = 900

DEXTER_START = """
require 'logger'
require 'dexter'
module Strings
  def find_columns(plan)
    super.each { |c| text = c['fields'].last['String'] and text['sval'] ||= text['str'] }
  end
end
Dexter::ColumnResolver.prepend(Strings)
Dexter::Client.start
"""
"""Starts it as its own program does, with names of columns as pg_query 2 (Debian's) writes them, too."""

ALGORITHMS = {
    "autoadmin": ("selection.algorithms.auto_admin_algorithm", "AutoAdminAlgorithm", "max_indexes"),
    "extend": ("selection.algorithms.extend_algorithm", "ExtendAlgorithm", "budget_MB"),
}


@dataclass(frozen=True)
class Reference:
    """What a public adviser advised: definitions as behind ON; empty `ddl` with a reason where it could not run."""

    name: str
    ddl: tuple[str, ...]
    took_s: float
    reason: str = ""


def data_folder(name: str) -> Path | None:
    """A folder of public code or data, where it is there."""
    root = os.environ.get(DATA_VARIABLE)
    folder = Path(root) / name if root else None
    return folder if folder is not None and folder.is_dir() else None


def hyrise(dsn: str, workload: Path, algorithm: str, value: float, width: int) -> Reference:
    """One algorithm of index_selection_evaluation: `value` is a number of indexes (autoadmin) or MB (extend)."""
    name = f"{algorithm}-{value:g}"
    folder = data_folder("index_selection_evaluation")
    if folder is None:
        return Reference(name, (), 0.0, f"no index_selection_evaluation below {DATA_VARIABLE}")
    command = [sys.executable, "-m", "benchmarks.advise.references", str(folder), dsn, str(workload)]
    return _run(name, [*command, algorithm, f"{value:g}", str(width)])


def dexter(dsn: str, workload: Path, savings_percent: int) -> Reference:
    """Dexter on a file of statements, with its least saving."""
    name = f"dexter-{savings_percent}"
    folder = data_folder("dexter")
    if folder is None:
        return Reference(name, (), 0.0, f"no dexter below {DATA_VARIABLE}")
    command = ["ruby", "-I", str(folder / "lib"), "-e", DEXTER_START, "--", dsn]
    statements = read_statements(workload.read_text())[0]
    plain = workload.with_suffix(".dexter.sql")
    plain.write_text("".join(f"{' '.join(one.text.split())};\n" for one in statements))
    command += ["--input-format", "sql", "--min-cost-savings-pct", str(savings_percent), str(plain)]
    began = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Reference(name, (), time.monotonic() - began, f"{type(error).__name__}: {error}"[:200])
    found = re.findall(r"Index found: (\S+) \((.*)\)", done.stdout + done.stderr)
    if done.returncode != 0:
        return Reference(name, (), time.monotonic() - began, (done.stderr or done.stdout).strip()[-200:])
    return Reference(name, tuple(f"{table} ({columns})" for table, columns in found), time.monotonic() - began)


def _run(name: str, command: Sequence[str]) -> Reference:
    began = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return Reference(name, (), time.monotonic() - began, f"not done after {TIMEOUT_S} s")
    if done.returncode != 0:
        return Reference(name, (), time.monotonic() - began, done.stderr.strip()[-200:])
    said = json.loads(done.stdout.splitlines()[-1])
    return Reference(name, tuple(said["ddl"]), float(said["took_s"]))


class Connector:
    """The interface that their algorithms ask for, over psycopg 3. It builds and drops nothing real."""

    db_system = "postgres"

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg.connect(dsn, autocommit=True)
        self.simulated_indexes = self.cost_estimations = 0
        self.cost_estimation_duration = self.index_simulation_duration = 0.0

    def exec_fetch(self, statement: str, one: bool = True) -> Any:
        """Rows of a statement, or the first."""
        cursor = self._connection.execute(statement.encode())
        return cursor.fetchone() if one else cursor.fetchall()

    def drop_indexes(self) -> None:
        """Theirs drops every index of the schema; the primary keys stay here."""

    def commit(self) -> None:
        """Every statement is its own transaction."""

    def simulate_index(self, index: Any) -> Any:
        """A hypothetical index: (oid, name)."""
        self.simulated_indexes += 1
        columns = ",".join(column.name for column in index.columns)
        return self.exec_fetch(f"SELECT * FROM hypopg_create_index('CREATE INDEX ON {index.table()} ({columns})')")

    def drop_simulated_index(self, oid: int) -> None:
        """Forget a hypothetical index."""
        self.exec_fetch(f"SELECT hypopg_drop_index({oid})")

    def get_cost(self, query: Any) -> float:
        """The planner's cost of a statement."""
        return float(self.get_plan(query)["Total Cost"])

    def get_plan(self, query: Any) -> Any:
        """The plan of a statement."""
        self.cost_estimations += 1
        return self.exec_fetch(f"EXPLAIN (FORMAT JSON) {query.text}")[0][0]["Plan"]


def _workload(module: Any, connector: Connector, statements: Sequence[WorkloadStatement]) -> Any:
    """Statements with their indexable columns: those whose names occur in the text, as their own parser has it."""
    tables: dict[str, Any] = {}
    columns: list[Any] = []
    rows = connector.exec_fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name NOT LIKE 'hypopg%' ORDER BY table_name, ordinal_position",
        one=False,
    )
    for table, name in rows:
        column = module.Column(name)
        tables.setdefault(table, module.Table(table)).add_column(column)
        columns.append(column)
    queries = []
    for number, statement in enumerate(statements):
        text = statement.text.lower()
        own = [c for c in columns if c.name in text and c.table.name in text]
        queries.append(module.Query(number, statement.text, own))
    return module.Workload(queries)


def main(arguments: Sequence[str]) -> None:
    """Run one algorithm and print what it advises."""
    folder, dsn, workload, algorithm, value, width = arguments
    sys.path.insert(0, folder)
    module_name, class_name, parameter = ALGORITHMS[algorithm]
    found = getattr(importlib.import_module(module_name), class_name)
    connector = Connector(dsn)
    statements = read_statements(Path(workload).read_text())[0]
    parameters = {parameter: int(float(value)), "max_index_width": int(width)}
    began = time.monotonic()
    chosen = found(connector, parameters).calculate_best_indexes(
        _workload(importlib.import_module("selection.workload"), connector, statements)
    )
    ddl = [f"{one.table()} ({', '.join(column.name for column in one.columns)})" for one in chosen]
    print(json.dumps({"ddl": sorted(ddl), "took_s": time.monotonic() - began}))


if __name__ == "__main__":
    main(sys.argv[1:])
