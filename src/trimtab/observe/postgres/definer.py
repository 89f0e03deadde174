"""The function that a DBA may install so that a role without reading rights gets plans."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

from trimtab.sql.identifiers import quoted

FUNCTION = "trimtab.explain_json"


@lru_cache(maxsize=1)
def _template() -> str:
    return resources.files("trimtab.observe.postgres").joinpath("explain_function.sql").read_text("utf-8")


def install_sql(role: str) -> str:
    """The whole script for psql, with `role` as the one that may call the function.

    >>> 'GRANT USAGE ON SCHEMA trimtab TO "night watch";' in install_sql("night watch")
    True
    """
    return _template().replace(':"watch_role"', quoted(role))
