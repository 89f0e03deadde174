"""An account of AWS as a `Cloud`."""

from __future__ import annotations

from trimtab.extend.clouds import (
    Account,
    CloudError,
    Database,
    Deadline,
    Instance,
    Kind,
    Pool,
    Scaling,
    Seen,
    Trouble,
)
from trimtab.integrations.aws import balancers, instances, scaling
from trimtab.integrations.aws.calling import Calling
from trimtab.integrations.aws.databases import Databases


class AwsCloud:
    """See `Cloud`. Thread-safe; nothing is asked, and no library loaded, before the first question."""

    def __init__(self, account: Account) -> None:
        self._calling = Calling(account)
        self._databases = Databases(self._calling)
        self._account = account

    def regions(self, ends: Deadline) -> tuple[str, ...]:
        """Those of the configuration, else the one of the chain."""
        ends.check()
        if self._account.regions:
            return self._account.regions
        region = self._calling.region_of_the_chain()
        if not region:
            raise CloudError(
                "no region: name some (regions=eu-central-1,…), or set AWS_REGION or one in the profile",
                trouble=Trouble.CREDENTIALS,
            )
        return (region,)

    def instances(self, region: str, ends: Deadline) -> Seen[Instance]:
        """See `Cloud.instances`."""
        return instances.instances(self._calling, region, ends)

    def scaling(self, region: str, ends: Deadline, since_ms: int) -> Scaling:
        """See `Cloud.scaling`."""
        return scaling.scaling(self._calling, region, ends, since_ms)

    def balancers(self, region: str, ends: Deadline) -> Seen[Pool]:
        """See `Cloud.balancers`."""
        return balancers.balancers(self._calling, region, ends)

    def databases(self, region: str, ends: Deadline) -> Seen[Database]:
        """See `Cloud.databases`."""
        return self._databases.databases(region, ends)

    def close(self) -> None:
        """See `Cloud.close`."""
        self._calling.close()


AWS = Kind(AwsCloud, options=frozenset({"role", "external_id", "profile", "endpoint"}))
