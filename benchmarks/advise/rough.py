"""What advice on workloads says of rough input, and that the rest goes on: one line for each case.

    python -m benchmarks.advise.rough [--tables 5000] [--shapes 3000]

Broken SQL, DDL, COPY, a statement of 1 MB and a list of 150,000 values among good statements; thousands of shapes; a
schema of thousands of tables; no HypoPG; a role that may read nothing. Exit code 1 where a case went otherwise.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import psycopg

from demo.cluster import ROLE_STATEMENTS, Cluster
from trimtab.advise.workload.advice import WorkloadAdvice
from trimtab.advise.workload.advisor import WorkloadSettings, advise_workload
from trimtab.advise.workload.statements import read_statements
from trimtab.model.errors import ExtensionMissing, PermissionMissing, TrimtabError

DATABASE, BARE = "rough", "bare"
GOOD = "-- name: good\n-- calls: 10\nSELECT a, b FROM t7 WHERE a = 5;\n"
SETTINGS = {"shared_buffers": "512MB", "fsync": "off", "autovacuum": "off", "max_locks_per_transaction": "512"}
SEED = 1


@dataclass
class Lines:
    """The cases so far."""

    failed: list[str] = field(default_factory=list)

    def add(self, name: str, is_right: bool, said: str, took_s: float) -> None:
        """Print one."""
        print(f"  {'ok  ' if is_right else 'FAIL'} {name}: {said} ({took_s:.1f} s)", flush=True)
        if not is_right:
            self.failed.append(name)


def broken_texts() -> dict[str, str]:
    """Statements that get no advice, by what they are."""
    values = ",".join(str(number) for number in range(150_000))
    return {
        "broken SQL": "SELEC a FROM t7",
        "a table that is not there": "SELECT * FROM nowhere WHERE x = 1",
        "DDL": "CREATE TABLE more (id int)",
        "COPY": "COPY t7 TO STDOUT",
        "1 MB of text": f"SELECT '{'x' * 1_000_000}' FROM t7",
        "150,000 values": f"SELECT b FROM t7 WHERE id IN ({values})",
        "a quote that never ends": "SELECT 'a FROM t7",
    }


def shapes_of(count: int) -> str:
    """Many statements, each of another shape."""
    random = Random(SEED)
    columns = [f"c{number}" for number in range(12)]
    texts: list[str] = []
    for number in range(count):
        one, two, three = random.sample(columns, 3)
        texts.append(
            f"-- name: s{number}\nSELECT {three}, {number} AS n{number} FROM wide WHERE {one} = 5 AND {two} > 7"
            f" ORDER BY {three} LIMIT {number + 1};"
        )
    return "\n".join(texts)


def main() -> int:
    """Make the databases, go through the cases."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.advise.rough")
    parser.add_argument("--tables", type=int, default=5_000)
    parser.add_argument("--shapes", type=int, default=3_000)
    chosen = parser.parse_args()
    lines = Lines()
    with Cluster.temporary(SETTINGS) as cluster:
        cluster.execute(*ROLE_STATEMENTS, f"CREATE DATABASE {DATABASE}", f"CREATE DATABASE {BARE}")
        cluster.execute("CREATE ROLE nobody_here LOGIN")
        _fill(cluster, chosen.tables)
        for name, text in broken_texts().items():
            _case(cluster, lines, name, f"{GOOD}-- name: rough\n{text};\n", _goes_on)
        _case(cluster, lines, f"{chosen.shapes:,} shapes", shapes_of(chosen.shapes), _answers)
        some = "".join(f"SELECT * FROM t{number} WHERE a = 5;\n" for number in range(0, chosen.tables, 2))
        _case(cluster, lines, f"a schema of {chosen.tables:,} tables", GOOD + some, _answers)
        _refused(lines, "no HypoPG", cluster.dsn(BARE), ExtensionMissing)
        _refused(lines, "no permission", cluster.dsn(DATABASE, "nobody_here"), PermissionMissing)
    print(f"{len(lines.failed)} cases went wrong" if lines.failed else "all said, and the rest went on")
    return 1 if lines.failed else 0


def _fill(cluster: Cluster, tables: int) -> None:
    for database in (DATABASE, BARE):
        with psycopg.connect(cluster.dsn(database), autocommit=True) as connection:
            if database == DATABASE:
                connection.execute("CREATE EXTENSION hypopg")
            last = tables if database == DATABASE else 10
            for first in range(0, last, 250):
                connection.execute(
                    f"""DO $$ BEGIN FOR i IN {first}..{min(first + 250, last) - 1} LOOP
                        EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a int, b text)', i);
                        END LOOP; END $$""".encode()
                )
            connection.execute("INSERT INTO t7 SELECT i, i % 1000, md5(i::text) FROM generate_series(1, 50000) i")
            columns = ", ".join(
                f"(i * {7 + 2 * number}) % {10 ** (1 + number % 5)} AS c{number}" for number in range(12)
            )
            connection.execute(f"CREATE TABLE wide AS SELECT {columns} FROM generate_series(1, 100000) i".encode())
            connection.execute("ANALYZE t7, wide")


def _case(
    cluster: Cluster, lines: Lines, name: str, text: str, judge: Callable[[WorkloadAdvice, Sequence[str]], bool]
) -> None:
    began = time.monotonic()
    statements, left = read_statements(text)
    try:
        with psycopg.connect(cluster.dsn(DATABASE), autocommit=True) as connection:
            advice = advise_workload(connection, statements, left, settings=WorkloadSettings())
    except TrimtabError as error:
        lines.add(name, False, f"{type(error).__name__}: {error.message[:200]}", time.monotonic() - began)
        return
    took_s = time.monotonic() - began
    said = [one.reason for one in advice.left]
    words = f"{len(advice.indexes)} indexes for {len(advice.statements)} statements, {len(said)} left"
    if said:
        words += f" ({said[0][:120]})"
    lines.add(name, judge(advice, said), words, took_s)


def _goes_on(advice: WorkloadAdvice, said: Sequence[str]) -> bool:
    """The good statement has its index; the other one is said, or is priced like any other."""
    return bool(advice.indexes) and (bool(said) or len(advice.statements) == 2)


def _answers(advice: WorkloadAdvice, _: Sequence[str]) -> bool:
    """In time, whatever was left."""
    return bool(advice.indexes) and advice.took_s <= 10.0


def _refused(lines: Lines, name: str, dsn: str, expected: type[TrimtabError]) -> None:
    began = time.monotonic()
    statements, left = read_statements(GOOD)
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            advise_workload(connection, statements, left)
    except TrimtabError as error:
        lines.add(name, isinstance(error, expected), error.message[:200], time.monotonic() - began)
        return
    lines.add(name, False, "advice was given", time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
