"""A subscription of Azure as a `Cloud`. Resource Manager's lists are of all regions at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.extend.clouds import Account, Database, Deadline, Instance, Kind, Pool, Scaling, Seen
from trimtab.integrations.azure import balancers, instances, scaling
from trimtab.integrations.azure.calling import Calling
from trimtab.integrations.azure.databases import Databases

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


class AzureCloud:
    """See `Cloud`. Thread-safe; nothing is asked, and no library loaded, before the first question."""

    def __init__(self, account: Account, credential: TokenCredential | None = None) -> None:
        self._calling = Calling(account, credential)
        self._databases = Databases(self._calling)

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
        return self._databases.databases(ends)

    def close(self) -> None:
        """See `Cloud.close`."""
        self._calling.close()


AZURE = Kind(AzureCloud, options=frozenset({"subscription", "endpoint"}), needed=frozenset({"subscription"}))
