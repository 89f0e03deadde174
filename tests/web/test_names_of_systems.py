"""Names of systems: as people write them, never ones that lead elsewhere in an address; and any can be removed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.site import Site, open_site
from trimtab.app.systems import name_of
from trimtab.cli.segment import segment
from trimtab.model.errors import InputError
from trimtab.model.system import System
from trimtab.sql.connect import Reference

pytestmark = pytest.mark.store


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("names")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("dsn", "name"),
    [
        ("postgresql://watch@db:5433/Sh%20op%25", "db:5433/Sh op%"),
        ("host=/run/postgresql dbname=shop", "/run/postgresql/shop"),
        ("service=shop", "service=shop"),
        ("postgresql://db/a%07b", "db/a%07b"),
    ],
)
def test_a_name_is_what_people_write(dsn: str, name: str) -> None:
    assert name_of(Reference.parse(dsn)) == name


@pytest.mark.parametrize("name", ["..", ".", "../access/tokens/2", "a/./b"])
def test_a_name_that_leads_elsewhere_is_refused(site: Site, name: str) -> None:
    with pytest.raises(InputError, match="lead elsewhere"):
        site.service.watch_system("postgresql://watch@127.0.0.1:1/shop", name)


@pytest.mark.parametrize("name", ["..", "../access/tokens/2", "a/../b", "x/", "a?b#c"])
def test_a_system_of_any_name_can_be_removed(site: Site, name: str) -> None:
    site.service.state.add_system(System(name, "service=shop", None, 0))
    visitor = site.visitor()
    answer = visitor.delete(f"/api/trimtab/systems/{segment(name)}")
    assert answer.status_code == 200, answer.text
    assert name not in [system.name for system in site.service.state.systems()]
