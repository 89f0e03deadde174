"""A shop under load with trimtab beside it, for benchmarks that need the real thing. Nothing is left running."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.cluster import Cluster
from demo.database import DATABASE, start_database
from demo.faults.draw import draw
from demo.keep.kept import ROOT, Kept
from demo.load.telemetry import ENDPOINT_VARIABLE
from demo.shop.fill import fill
from demo.trimtab_server import TrimtabServer, start_trimtab, watch_shop


@dataclass
class Live:
    """What runs. `data_dir` is trimtab's; its stores can be opened once `stop_trimtab` was called."""

    kept: Kept
    cluster: Cluster
    server: TrimtabServer
    data_dir: Path

    def stop_trimtab(self) -> None:
        """Stop the server and wait, so that its stores are free."""
        self.kept.stop("trimtab")


@contextmanager
def live(policy: str, *, seed: int = 1, healthy: bool = False) -> Iterator[Live]:
    """Fill, start everything, yield, stop everything. `healthy` keeps the indexes that the faults leave out."""
    kept = Kept()
    try:
        cluster = start_database(kept)
        left_out = [] if healthy else [fault.left_out for fault in draw(seed) if fault.left_out]
        filled = fill(cluster.dsn(DATABASE), seed, scale=1.0, left_out=left_out, say=lambda _text: None)
        print(f"# shop: {filled.rows_total:,} rows in {filled.seconds:.0f} s, seed {seed}", flush=True)
        cluster.execute("CHECKPOINT")
        file = kept.folder / "policy.toml"
        file.write_text(policy)
        server = start_trimtab(kept, None, file)
        folder = kept.folder / "application"
        folder.mkdir()
        command = [sys.executable, "-m", "demo.load", "--dsn", cluster.dsn(DATABASE, "shop_app")]
        command += ["--seed", str(seed), "--folder", str(folder), "--scale", "1.0"]
        environment = {**os.environ, ENDPOINT_VARIABLE: f"{server.url}/v1/traces"}
        kept.start("load", command, log=kept.folder / "load.log", env=environment, cwd=ROOT, stage=3, stop_s=3.0)
        watch_shop(kept, server, cluster)
        yield Live(kept, cluster, server, kept.folder / "trimtab")
    finally:
        kept.close()


def wait(seconds: float, say: str) -> None:
    """Let it run, saying once a minute how long it still takes."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        print(f"# {say}: {left:.0f} s to go", flush=True)
        time.sleep(min(60.0, left))
