"""Rewrites on TPC-H and TPC-DS: which are advised, whether all forms are right, what they gain in measured time.

    python -m benchmarks.advise.rewrites [--tpch SCALE] [--tpcds SCALE] [--only q17,q20] [--out FILE]

For each statement the cheapest forms get a full certificate (real data, clone with NULLs, generated data; processor
time of the backend, both forms in turn); the first that holds is the advice. Forms that are different anywhere are
told and make the exit code 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.advise.public_benchmarks import NoDuckDb, load, make, server
from trimtab.advise.rewrite.advising import RewriteSettings, advise_rewrite
from trimtab.advise.rewrite.apply import rewrites_of
from trimtab.advise.rewrite.certify import CertifySettings
from trimtab.advise.rewrite.compare import compared, pairing_of
from trimtab.advise.rewrite.filling import fill
from trimtab.advise.rewrite.knowledge import read_knowledge
from trimtab.advise.rewrite.model import Data, Outcome
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.scratch import made, read_types
from trimtab.advise.workload.statements import read_statements
from trimtab.model.errors import StatementRefused
from trimtab.sql.trees import single_statement

SEEDS = (1, 2, 3, 4, 5, 6)
UPPER_MAX = 1.05
FINISH_MAX_S = 30


def main() -> int:
    """Run, print a table, write it as JSON where asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tpch", type=float, default=1.0)
    parser.add_argument("--tpcds", type=float, default=0.2)
    parser.add_argument("--only", default="")
    parser.add_argument("--time-max-s", type=float, default=20.0)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "trimtab-bench")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    wanted = set(filter(None, options.only.split(",")))
    rows: list[dict[str, Any]] = []
    wrong: list[str] = []
    with server() as cluster:
        cluster.execute("CREATE DATABASE small_tables")
        for name, scale in (("tpch", options.tpch), ("tpcds", options.tpcds)):
            if scale <= 0:
                continue
            folder = options.folder / f"{name}-{scale:g}"
            try:
                make(name, scale, folder)
            except NoDuckDb as error:
                print(f"{name}: not measured: {error}")
                continue
            dsn = load(cluster, name, folder)
            wrong += _every_form(name, dsn, cluster.dsn("small_tables"), folder, wanted)
            looked = _look(name, dsn, cluster.dsn("small_tables"), folder, wanted, options.time_max_s)
            _finish(name, dsn, folder, looked)
            rows += looked
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1))
    different = [row for row in rows if row["different"]]
    advised = [row for row in rows if row["rules"]]
    print(f"{len(rows)} statements, {len(advised)} with an advised rewrite, {len(different)} with a different result")
    above = [row for row in advised if row["interval_90"][1] > UPPER_MAX]
    print(f"advised with an upper bound of measured time over {UPPER_MAX:.2f}: {len(above)}")
    return 1 if different or wrong else 0


def _look(
    name: str, dsn: str, private_dsn: str, folder: Path, wanted: set[str], time_max_s: float
) -> list[dict[str, Any]]:
    statements, left = read_statements((folder / "queries.sql").read_text())
    rows: list[dict[str, Any]] = []
    settings = RewriteSettings(forms_max=3, certify=CertifySettings(time_max_s=time_max_s))
    with psycopg.connect(dsn, autocommit=True) as connection, psycopg.connect(private_dsn, autocommit=True) as private:
        for statement in statements:
            if wanted and statement.name not in wanted:
                continue
            began = time.monotonic()
            advice = advise_rewrite(statement.text, connection, private=private, run=True, settings=settings)
            row: dict[str, Any] = {"benchmark": name, "query": statement.name, "refused": advice.refused, "rules": []}
            tried = [*advice.tried]
            row["different"] = [
                [list(one.rewrite.rules), check.data.value, check.why]
                for one in tried
                for check in one.certificate.checks
                if check.outcome is Outcome.DIFFERENT
            ]
            row["tried"] = [
                {"rules": list(one.rewrite.rules), "certificate": dict(one.certificate.document())} for one in tried
            ]
            if (best := advice.best) is not None and best.certificate.measured is not None:
                measured = best.certificate.measured
                row |= {
                    "rules": list(best.rewrite.rules),
                    "advised": best.rewrite.rewritten,
                    "cost_ratio": best.certificate.cost_after / best.certificate.cost_before,
                    "ratio": measured.ratio,
                    "interval_90": list(measured.interval_90),
                    "before_ms": measured.before_ms,
                    "after_ms": measured.after_ms,
                    "cut": measured.original_is_cut,
                }
            row["took_s"] = time.monotonic() - began
            rows.append(row)
            _tell(row, tried)
    rows += [
        {"benchmark": name, "query": one.name, "refused": one.reason, "rules": [], "different": []} for one in left
    ]
    return rows


def _finish(name: str, dsn: str, folder: Path, rows: list[dict[str, Any]]) -> None:
    """Execute every statement once in the form that is advised, and print how many end."""
    texts = {one.name: one.text for one in read_statements((folder / "queries.sql").read_text())[0]}
    ended: list[tuple[float, str]] = []
    late: list[str] = []
    with psycopg.connect(dsn, autocommit=True, options=f"-c statement_timeout={FINISH_MAX_S * 1000}") as connection:
        for row in rows:
            text = row.get("advised") or texts.get(row["query"])
            if text is None:
                continue
            began = time.monotonic()
            try:
                connection.execute(str(text).encode(), prepare=False).fetchall()
            except psycopg.errors.QueryCanceled:
                late.append(row["query"])
                continue
            ended.append((time.monotonic() - began, row["query"]))
    longest = ", ".join(f"{query} {took_s:.1f} s" for took_s, query in sorted(ended, reverse=True)[:3])
    print(
        f"{name}: {len(ended)} of {len(ended) + len(late)} statements end in {FINISH_MAX_S} s in the form advised"
        f" (longest: {longest}){'; not: ' + ', '.join(late) if late else ''}"
    )


def _every_form(name: str, dsn: str, private_dsn: str, folder: Path, wanted: set[str]) -> list[str]:
    """Every form of every statement, cheaper or not, on made-up rows: what is different."""
    statements, _ = read_statements((folder / "queries.sql").read_text())
    different: list[str] = []
    count = with_rows = not_possible = 0
    with psycopg.connect(dsn, autocommit=True) as connection, psycopg.connect(private_dsn, autocommit=True) as private:
        for statement in statements:
            if wanted and statement.name not in wanted:
                continue
            try:
                knowledge = read_knowledge(connection, [single_statement(statement.text)])
                forms = rewrites_of(statement.text, knowledge)
            except StatementRefused:
                continue
            if not forms:
                continue
            query = Query.of(statement.text, knowledge)
            seen: dict[str, set[tuple[Outcome, bool]]] = {}
            with made(private, query, read_types(connection, query)) as scratch:
                for seed in SEEDS:
                    fill(scratch, 60, seed)
                    for form in forms:
                        pairing = pairing_of(form.statement, form.rewritten, knowledge)
                        if isinstance(pairing, str):
                            continue
                        there = replace(
                            pairing, before=scratch.moved(pairing.before), after=scratch.moved(pairing.after)
                        )
                        check = compared(private, there, Data.GENERATED, seed)
                        seen.setdefault(form.rewritten, set()).add((check.outcome, check.rows > 0))
                        if check.outcome is Outcome.DIFFERENT:
                            different.append(f"{name} {statement.name} {form.rules} seed {seed}: {check.why}")
                    scratch.clear()
            count += len(seen)
            with_rows += sum((Outcome.SAME, True) in outcomes for outcomes in seen.values())
            not_possible += sum({outcome for outcome, _ in o} == {Outcome.NOT_POSSIBLE} for o in seen.values())
    print(
        f"{name}: {count} forms compared on made-up rows, {with_rows} of them returned rows, {not_possible} could not "
        f"be compared, {len(different)} different"
    )
    for line in different:
        print(f"  DIFFERENT {line}")
    return different


def _tell(row: dict[str, Any], tried: list[Any]) -> None:
    head = f"{row['benchmark']} {row['query']:>4}"
    if row["rules"]:
        low, high = row["interval_90"]
        cut = ", the original was cut" if row["cut"] else ""
        print(
            f"{head} {' + '.join(row['rules'])}: cost {row['cost_ratio']:.3g}, measured {row['ratio']:.3g} "
            f"({low:.2g} to {high:.2g}), {row['before_ms']:.0f} to {row['after_ms']:.0f} ms{cut}"
        )
    elif row["refused"]:
        print(f"{head} left: {row['refused']}")
    for one in tried:
        checks = {check.data: check for check in one.certificate.checks}
        if not one.certificate.holds:
            why = "; ".join(
                f"{data.value}: {checks[data].outcome.value} {checks[data].why}" for data in Data if data in checks
            )
            ratio = one.certificate.measured.interval_90[1] if one.certificate.measured else float("nan")
            print(f"{head}   not advised {' + '.join(one.rewrite.rules)}: upper end {ratio:.3g}; {why}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
