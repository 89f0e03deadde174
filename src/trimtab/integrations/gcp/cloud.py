"""A project of Google Cloud as a `Cloud`. Its lists are of all regions at once; those that do not answer are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.extend.clouds import Account, Database, Deadline, Instance, Kind, Pool, Scaling, Seen
from trimtab.integrations.gcp import balancers, databases, instances, scaling
from trimtab.integrations.gcp.calling import Calling

if TYPE_CHECKING:
    from google.auth.credentials import Credentials


class GcpCloud:
    """See `Cloud`. Thread-safe; nothing is asked, and no library loaded, before the first question."""

    def __init__(self, account: Account, credentials: Credentials | None = None) -> None:
        self._calling = Calling(account, credentials)

    def regions(self, ends: Deadline) -> tuple[str, ...]:
        """One question covers all."""
        ends.check()
        return ("",)

    def instances(self, region: str, ends: Deadline) -> Seen[Instance]:  # noqa: ARG002
        """See `Cloud.instances`."""
        return instances.instances(self._calling, ends)

    def scaling(self, region: str, ends: Deadline, since_ms: int) -> Scaling:  # noqa: ARG002
        """See `Cloud.scaling`."""
        return scaling.scaling(self._calling, ends, since_ms)

    def balancers(self, region: str, ends: Deadline) -> Seen[Pool]:  # noqa: ARG002
        """See `Cloud.balancers`."""
        return balancers.balancers(self._calling, ends)

    def databases(self, region: str, ends: Deadline) -> Seen[Database]:  # noqa: ARG002
        """See `Cloud.databases`."""
        return databases.databases(self._calling, ends)

    def close(self) -> None:
        """See `Cloud.close`."""
        self._calling.close()


GCP = Kind(GcpCloud, options=frozenset({"project", "impersonate", "endpoint"}))
