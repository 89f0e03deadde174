"""The catalogue of rewrite rules: every rule with its golden pairs, from the code."""

from __future__ import annotations

from docs.generate.markdown import code, page, table
from trimtab.advise.rewrite.certify import PART_ROWS, CertifySettings
from trimtab.advise.rewrite.model import GAIN_RATIO_MAX, MEASURED_RATIO_MAX, Data
from trimtab.advise.rewrite.rules.base import GOLDEN_SCHEMA, Rule
from trimtab.advise.rewrite.rules.catalogue import RULES


def rewrites_page() -> str:
    """The page."""
    settings = CertifySettings()
    return page(
        "Rewrites",
        "Rules by which `trimtab advise` and the page of a query's advice write a statement anew "
        "([how to](../how-to/advise.md#rewrites)). A rule is applied at one place at a time, and a step is kept only "
        "where the planner's cost falls. It rests on nothing but what the catalogue proves: NOT NULL, primary and "
        "unique keys, foreign keys.",
        table(
            ["rule", "what it does", "why PostgreSQL does not", "what has to be certain"],
            [[code(rule.name), rule.what, rule.pays, rule.needs] for rule in RULES],
        ),
        "## What counts as proven",
        "A key is a valid unique B-tree index, checked at once (not DEFERRABLE), without predicate or expression, over "
        "columns that are all NOT NULL. A foreign key is validated, enforced and not DEFERRABLE, and its target has no "
        "row security. Tables that others inherit from, foreign tables, partitioned tables with foreign partitions and "
        "NOT NULL constraints that are not valid prove nothing. Types must be ones whose `=` agrees with GROUP BY "
        "(numbers, texts with a deterministic collation, dates and times, boolean, uuid).",
        "## What is left as it is",
        "Statements that write or lock rows; that call a volatile function; whose result is chance (a LIMIT inside it "
        "without a total order, `row_number()` over one, `string_agg` and its like without one); recursive WITH; "
        "NATURAL joins; whole rows and system columns; TABLESAMPLE; statements that our parser cannot resolve with "
        "certainty. A sum of floats is not moved: it depends on the order of rows. Nothing that may fail (a division, "
        "a cast of text) is computed for rows that the original does not read.",
        "Not rules, since PostgreSQL 13 to 18 do it by themselves: IN and EXISTS as semi joins, unused outer joins on "
        "a key, HAVING without aggregates into WHERE, columns of GROUP BY that a primary key determines, constants "
        "carried over equalities, a condition into a WITH query that is read once.",
        "A LIMIT with a deep OFFSET gets a hint (keyset pagination): it is no rewrite, since its result differs.",
        "## The certificate",
        f"1. **Planner**: the cost of both forms.\n2. **{Data.GENERATED.value}**: small tables like the statement's "
        f"in a private database (at most {settings.rows} rows each, {len(settings.seeds)} seeds), filled with the "
        "statement's own constants, their neighbours, NULLs and duplicates wherever the catalogue allows them.\n"
        f"3. **{Data.CLONE.value}**: rows of the real tables that belong together, one value in five made NULL where "
        f"it may be, rows doubled where no key forbids it.\n4. **{Data.REAL.value}**: both forms on the system itself, "
        "in one snapshot, read-only and limited in time, where that is allowed; where the original does not end there "
        f"in time, both forms on a part of these rows, up to {4 * PART_ROWS} of each table for each condition, as they "
        "are (the certificate says so).\n5. **Time**: both forms in turn on "
        f"real data ({settings.repetitions} times), processor time of the server's process where it runs on this "
        "machine, else by the clock; the interval is a bootstrap. Parallel workers are off meanwhile.",
        "Results are compared by hashes that the server computes: a multiset, or a list where ORDER BY is total. A "
        "LIMIT whose order is not total is taken away from both forms, and the certificate says so; floats that differ "
        "are looked at again with ten digits. Rows that are equal but written differently (1.0 and 1.00) count as "
        "different. What could not be compared is said with its reason. A comparison of two empty results proves "
        "nothing and counts for nothing.",
        "Only columns that a form reads, and those of keys, are made in the small tables; an extension that such a "
        "column's type comes from is created there, if the private server has it. Both happen in a transaction that is "
        "rolled back.",
        "A form is **advised** only if its cost falls, each of the three kinds of data was compared with at least some "
        "rows and all were the same (two results that are empty do not count: what is missing is shown), and its "
        f"measured ratio is at most {GAIN_RATIO_MAX:g} (upper end of the interval: {MEASURED_RATIO_MAX:g}). With the "
        "chosen indexes it must still be cheaper.",
        "Small tables enforce what the catalogue proves and nothing else: CHECK constraints and triggers are not "
        "there, so that a form that rests on them would be refused. A comparison is no proof for all data; the rule's "
        "preconditions are the proof, and the comparisons are there to find mistakes in them.",
        "## How it was tested",
        "Golden pairs for each rule (below), and statements that it must leave alone. A hundred statements that "
        "rewriters get wrong (NULL, NOT IN, COUNT, duplicates, outer joins): every form that any rule gives is "
        "compared on data full of NULLs and duplicates. Statements put together by chance: 3,000 of them once, 80"
        " in every run of the tests. TPC-H and TPC-DS (`python -m benchmarks.advise.rewrites`): all 64 forms of "
        "their 121 statements on made-up rows, six seeds each (44 of the forms returned rows), and the cheapest "
        "on real rows. Not one result was different. With primary keys alone on PostgreSQL 15, processor time: "
        "TPC-H at scale 1, Q2 from 267 to 41 ms, Q17 and Q20 from not ending in 15 s to 1.3 and 0.9 s; at scale "
        "0.02 both forms of all of them end and are the same.",
        "## Golden pairs",
        "They speak of these tables:",
        f"```sql\n{GOLDEN_SCHEMA.strip()}\n```",
        *(part for rule in RULES for part in _pairs(rule)),
    )


def _pairs(rule: Rule) -> list[str]:
    parts = [f"### {rule.name}"]
    for pair in rule.golden:
        why = f" -- {pair.why}" if pair.why else ""
        after = f"{pair.after};" if pair.after is not None else "-- is left as it is"
        parts.append(f"```sql\n{pair.before};{why}\n{after}\n```")
    return parts
