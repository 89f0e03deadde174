"""`python -m demo.faults DSN`: print what every fault costs and what each index does to it, on a filled shop."""

from __future__ import annotations

import sys

from demo.faults.measure import compare_all, connect, draws_for, parameter_sets
from demo.faults.variants import VARIANTS


def main() -> None:
    """One line for each fault and index."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m demo.faults DSN-OF-A-SUPERUSER")
    with connect(sys.argv[1]) as connection:
        draws = draws_for(connection, seed=1)
        for faults in VARIANTS.values():
            for fault in faults:
                for made in compare_all(connection, fault, parameter_sets(fault.statement, draws, 5)):
                    if made.after is None or made.time_ratio is None:
                        continue
                    print(
                        f"{fault.name:44} {made.before.time_ms:7.1f} ms -> {made.after.time_ms:8.2f} ms "
                        f"(x{made.time_ratio:7.4f})  cost x{made.cost_ratio:7.4f}  {made.index}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
