"""Writes down what a server of every version answers to trimtab: `python -m scripts.record_postgres [VERSION ...]`.

`make test` plays the tapes (tests/data/postgres/VERSION.json) to the same code. The servers come from
`scripts/fetch_postgres.py`; a tape is recorded anew whenever a query of trimtab's has changed.
"""

from __future__ import annotations

import sys
from typing import cast

from tests.postgres import shop
from tests.postgres.looking import check, look
from tests.postgres.servers import PACKAGED
from tests.postgres.tape import FOLDER, Recording, write
from trimtab.sql.connect import Connection, Reference
from trimtab.sql.versions import VERSIONS


def record(major: int) -> None:
    """Start a server, look at it, judge what was seen, and write the tape only if that is as it should be."""
    tape: list[dict[str, object]] = []
    with shop.cluster_of(major) as cluster:
        shop.make_roles(cluster, major)
        shop.make_shop(cluster, major)
        doings = shop.Doings(cluster, major)
        with Reference.parse(cluster.dsn(shop.DATABASE, "trimtab_watch")).connect("trimtab/record") as connection:
            seen = look(cast(Connection, Recording(connection, tape)), doings.begin, doings.end)
            header = {
                "package": PACKAGED[major].release,
                "version_num": seen.facts.version_num,
                "version": seen.facts.version,
                "user": "trimtab_watch",
                "database": shop.DATABASE,
                "parameters": {"standard_conforming_strings": "on"},
            }
        doings.close()
    check(seen, major, has_hypopg=False)
    write(FOLDER / f"{major}.json", header, tape)
    print(f"PostgreSQL {seen.facts.version}: {len(tape)} answers")


def main(wanted: list[str]) -> int:
    """Record the versions that are named, or all."""
    for major in [int(word) for word in wanted] or VERSIONS:
        if not PACKAGED[major].is_there:
            print(f"PostgreSQL {major} is not there: python -m scripts.fetch_postgres", file=sys.stderr)
            return 3
        record(major)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
