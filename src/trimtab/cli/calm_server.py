"""uvicorn's server, which looks once a second whether it is to end, or when it is told; its own looks ten times."""

from __future__ import annotations

import asyncio
import contextlib

import uvicorn

TICK_S = 1.0
"""As often as the date in answers changes."""


class CalmServer(uvicorn.Server):
    """Ends by `end`, from the loop's thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._end = asyncio.Event()

    def end(self) -> None:
        """Take no more, and end when what is under way is done."""
        self.should_exit = True
        self._end.set()

    async def main_loop(self) -> None:
        """Until `end`."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._end.wait()
