"""The sign of life of a worker."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from codeflow_engine.contracts import StorageCapability
from codeflow_engine.plugins.containment import is_foreign
from codeflow_engine.runs.batches import in_time
from codeflow_engine.runs.containment import describe

if TYPE_CHECKING:
    from codeflow_engine.runs.toolbox import Toolbox

__all__ = ["Heartbeat"]

_OFTEN = 3
"""Signs of life within one lease: two may be lost."""


class Heartbeat:
    """Renews the lease of a worker.

    Where the storage allows it that is done in a thread with a loop of its own, so that no
    code of a host or of a step, however long it holds up the engine's loop, makes others
    think that the worker is gone.
    """

    def __init__(self, tools: Toolbox, worker: str) -> None:
        self._journal = tools.journal
        self._log = tools.log
        self._redactor = tools.redactor
        self._worker = worker
        self._lease = tools.settings.lease
        self._has_thread = StorageCapability.ANY_LOOP in tools.storage.capabilities
        self._task: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    async def beat(self) -> None:
        """Renew the lease once.

        Raises:
            StorageError: It could not be renewed.
        """
        await self._journal.renew(self._worker, lease=self._lease)

    def start(self) -> None:
        """Go on renewing it."""
        if self._has_thread:
            self._thread = threading.Thread(
                target=self._beat_aside, name="codeflow heartbeat", daemon=True
            )
            self._thread.start()
        else:
            self._task = asyncio.create_task(self._beat_here(), name="codeflow heartbeat")

    async def stop(self) -> None:
        """Let it end at once; repeatable, since the storage may be closed by then."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        # Where it cannot be ended, it ends by itself, in a while.
        await self._try(self._journal.retire(self._worker), "was not ended")

    async def _beat_here(self) -> None:
        while True:
            await asyncio.sleep(self._lease / _OFTEN)
            await self._try(self.beat(), "was not renewed")

    def _beat_aside(self) -> None:
        with asyncio.Runner() as runner:
            while not self._stopped.wait(self._lease / _OFTEN):
                runner.run(self._try(self.beat(), "was not renewed"))
            runner.run(self._try(self._journal.leave_loop(), "has left its loop open"))

    async def _try(self, call: Awaitable[None], failed: str) -> None:
        """Do what may fail, whatever the storage makes of it, and in the time of a lease."""
        try:
            await in_time(call, self._lease)
        except BaseException as error:
            if not is_foreign(error):
                raise
            told = describe(error, self._redactor)
            self._log.warning(f"the lease of a worker {failed}", error=told)
