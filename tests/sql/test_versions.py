"""The table of differences: its rules on versions that no test has a server of."""

from __future__ import annotations

import pytest

from tests.postgres.proofs import Grade, proves
from trimtab.sql import versions
from trimtab.sql.versions import DIFFERENCES, VERSION_MAX, VERSION_MIN, Difference


def test_every_difference_of_the_module_is_in_the_table_once() -> None:
    written = [value for value in vars(versions).values() if isinstance(value, Difference)]
    assert tuple(written) == DIFFERENCES
    assert len({d.name for d in DIFFERENCES}) == len(DIFFERENCES)
    for difference in DIFFERENCES:
        assert VERSION_MIN <= difference.since <= VERSION_MAX
        assert all((difference.change, difference.before, difference.after))


@proves(Grade.TOLD, versions.CONCURRENT_BUILDS, versions.PREPARED_TRANSACTIONS)
@pytest.mark.parametrize(
    ("version_num", "prepared_max", "mended"),
    [
        (130_000, 0, None),
        (130_000, 1, "13.5"),
        (130_004, 8, "13.5"),
        (130_005, 8, None),
        (140_000, 0, "14.4"),
        (140_003, 8, "14.4"),
        (140_004, 8, None),
        (150_000, 8, None),
        (180_004, 8, None),
        (190_000, 8, None),
    ],
)
def test_minor_versions_that_build_wrongly(version_num: int, prepared_max: int, mended: str | None) -> None:
    flaw = versions.build_flaw(version_num, prepared_max)
    assert (flaw is None) is (mended is None)
    assert flaw is None or flaw.endswith(f"mended in {mended}")


@pytest.mark.parametrize(
    ("version_num", "banner", "part"),
    [
        (120_022, "PostgreSQL 12.22 (Debian 12.22-1) on x86_64", "PostgreSQL 12.22 is older than 13"),
        (90_624, "PostgreSQL 9.6.24 on x86_64", "PostgreSQL 9.6.24 is older than 13"),
        (80_002, "PostgreSQL 8.0.2 on i686, Redshift 1.0.12103", "older than 13"),
        (130_000, "CockroachDB CCL v24.1.0", "it is CockroachDB"),
    ],
)
def test_strangers_are_refused_with_a_word(version_num: int, banner: str, part: str) -> None:
    assert part in (versions.refusal(version_num, banner) or "")


@pytest.mark.parametrize(
    ("version_num", "version"),
    [
        (160_004, "16.4 (Debian 16.4-1.pgdg120+1)"),
        (150_005, "15.5-R1"),
        (150_002, "15.2-YB-2.25.0.0-b0"),
        (140_012, "14.12 (Ubuntu 14.12-0ubuntu0.22.04.1)"),
        (130_000, "13beta1"),
        (180_000, "18.0 - Percona Server for PostgreSQL 18.0.1"),
    ],
)
def test_packagers_words_are_kept(version_num: int, version: str) -> None:
    assert versions.about(version_num, version) == f"PostgreSQL {version}; trimtab knows 13 to 18"
    assert versions.is_known(version_num)


def test_a_newer_server_is_watched_and_said_to_be_unknown() -> None:
    assert versions.refusal(190_000, "PostgreSQL 19beta1 on x86_64") is None
    assert not versions.is_known(190_000)
    assert "newer than 18" in versions.about(190_000, "19beta1")
    newest, beyond = 180_000, 190_000
    spelled = [d for d in DIFFERENCES if d.sql is not None]
    assert [d.spelled(beyond) for d in spelled] == [d.spelled(newest) for d in spelled]


def test_names_in_grants_are_quoted() -> None:
    assert versions.read_grant_sql(130_000, "the Looker", ("Big Shop",)).splitlines() == [
        'GRANT USAGE ON SCHEMA "Big Shop" TO "the Looker";',
        'GRANT SELECT ON ALL TABLES IN SCHEMA "Big Shop" TO "the Looker";',
        'ALTER DEFAULT PRIVILEGES IN SCHEMA "Big Shop" GRANT SELECT ON TABLES TO "the Looker";',
    ]
