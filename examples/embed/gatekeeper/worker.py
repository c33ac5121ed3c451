"""A process that executes the runs which others submit."""

from __future__ import annotations

import asyncio
import signal

import codeflow_engine as codeflow

__all__ = ["work"]

_GRACE = 30.0
"""Seconds that runs under way have when the process is told to end."""


async def work(engine: codeflow.AsyncEngine) -> None:
    """Execute runs until the process is told to end; told twice, it waits for none."""
    told = asyncio.Queue[None]()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.put_nowait, None)
    # Says at once what is wrong, in place of at the first run.
    await engine.open()
    print("working", flush=True)
    await told.get()
    draining = asyncio.create_task(engine.drain(grace=_GRACE))
    again = asyncio.create_task(told.get())
    await asyncio.wait([draining, again], return_when=asyncio.FIRST_COMPLETED)
    again.cancel()
    # What still runs is given back, and another worker goes on with it.
    await engine.drain(grace=0)
    await draining
