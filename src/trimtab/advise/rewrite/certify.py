"""The certificate of a rewrite: both forms priced, run on three kinds of data, measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.advise.index.session import Connection
from trimtab.advise.rewrite.knowledge import Knowledge
from trimtab.advise.rewrite.model import Certificate, Rewrite


@dataclass(frozen=True, slots=True)
class CertifySettings:
    """Bounds of one certificate.

    `time_max_s` is for one run of one form on real data. `seeds` name the generated data; `rows` is how many rows each
    made-up table gets. `repetitions` 0 measures nothing.
    """

    time_max_s: float = 10.0
    seeds: Sequence[int] = (1, 2, 3)
    rows: int = 60
    repetitions: int = 5


def certify(
    rewrite: Rewrite,
    knowledge: Knowledge,
    connection: Connection,
    *,
    run_on_real_data: bool,
    private: Connection | None = None,
    settings: CertifySettings | None = None,
) -> Certificate:
    """Compare both forms of a rewrite.

    On `connection` they are only planned, unless `run_on_real_data`: then they are run there read-only. On `private`, a
    database that its owner gave for that, small tables are made, filled and rolled back; without one these comparisons
    are not possible, and the certificate says so.
    """
    raise NotImplementedError
