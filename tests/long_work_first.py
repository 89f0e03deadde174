"""How a run's files are dealt out to workers: together what shares a server, and first what takes long.

A file stays on one worker, as with `--dist loadfile`. Here, folders whose tests share something that takes long to
make (a filled database, shards, servers to compare with) stay together as well, so that it is made once in a run.
Whatever takes longest begins first, and the small files fill what is left of the time: left to itself, xdist begins
with the files of many tests, and ends on one worker with a file of one test that takes a minute.

A worker gets its next file when it begins the last test of the one before, not earlier: what waits behind a long test
could run elsewhere.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

TOGETHER = (
    "tests/advise/drops/",
    "tests/advise/rewrite/",
    "tests/advise/verify/",
    "tests/advise/",
    "tests/clickhouse/",
    "tests/promql/",
)
"""Folders that share a server which is costly to start or to fill; the first that fits counts."""
OF_THE_DAY = tuple(
    f"tests/browser/test_{name}.py"
    for name in (
        *("every_page", "finding", "keyboard", "phone", "preferences", "range", "without_script"),
        *("below_zero", "cross_hair", "dashboards"),
    )
)
"""What looks at one server with a day of data and 10,000 shapes."""

LONG = (
    "tests/browser/test_every_page.py",
    "tests/demo/test_faults.py",
    "tests/sdk/test_loop.py",
    "tests/browser/test_loop.py",
    "tests/clickhouse/",
    "tests/sdk/test_leaving.py",
    "tests/sdk/test_data_system_monitoring_stack.py",
    "tests/browser/test_alerts.py",
    "tests/demo/test_run_ends.py",
    "tests/browser/test_logs.py",
    "tests/store/test_kill.py",
    "tests/browser/test_stream.py",
    "tests/promql/",
    "tests/browser/test_hostile.py",
    "tests/advise/",
    "tests/cli/test_commands.py",
    "tests/cli/test_access.py",
    "tests/cli/test_alerts.py",
    "tests/cli/test_kills_under_load.py",
    "tests/cli/test_kills_of_traces_and_logs.py",
    "tests/store/metrics/test_kill.py",
    "tests/act/test_kill.py",
    "tests/browser/test_traces.py",
)
"""What takes more than half a minute, the longest first, so that what waits runs beside what computes."""
THEN = ("tests/browser/", "tests/sdk/", "tests/cli/", "tests/demo/", "tests/act/", "tests/api/", "tests/store/")
"""Folders where files take long, most of all those of few tests."""


def unit_of(nodeid: str) -> str:
    """What stays on one worker.

    >>> unit_of("tests/cli/test_slo.py::test_list[a::b]")
    'tests/cli/test_slo.py'
    >>> unit_of("tests/browser/test_phone.py::test_it") == unit_of("tests/browser/test_range.py::test_it")
    True
    """
    file = nodeid.split("::", 1)[0]
    if file in OF_THE_DAY:
        return OF_THE_DAY[0]
    return next((folder for folder in TOGETHER if file.startswith(folder)), file)


def rank_of(unit: str, tests_count: int) -> tuple[int, int, int]:
    """What begins first has the lowest."""
    if unit in LONG:
        return 0, LONG.index(unit), 0
    folder = next((number for number, name in enumerate(THEN) if unit.startswith(name)), len(THEN))
    return 1, folder, -tests_count


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Ours, where files stay together."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class LongWorkFirst(LoadScopeScheduling):
        """Deals out units by rank."""

        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid)

        def schedule(self) -> None:
            if self.collection is None:
                self.config.option.loadscopereorder = False
            super().schedule()

        def _assign_work_unit(self, node: WorkerController) -> None:
            ranked = sorted(self.workqueue.items(), key=lambda one: rank_of(one[0], len(one[1])))
            self.workqueue = OrderedDict(ranked)
            super()._assign_work_unit(node)

        def _reschedule(self, node: WorkerController) -> None:
            if self.workqueue and self._pending_of(self.assigned_work[node]) > 1:
                return
            super()._reschedule(node)

    return LongWorkFirst(config, log)
