"""The sign of life of a worker."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from codeflow_engine.contracts import StorageCapability
from codeflow_engine.errors import StorageError

if TYPE_CHECKING:
    from codeflow_engine.runs.context import Toolbox

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
        try:
            await self._journal.retire(self._worker)
        except StorageError as error:
            # It ends by itself, in a while.
            self._log.warning("the lease of a worker could not be ended", error=error.message)

    async def _beat_here(self) -> None:
        while True:
            await asyncio.sleep(self._lease / _OFTEN)
            await self._try()

    def _beat_aside(self) -> None:
        with asyncio.Runner() as runner:
            while not self._stopped.wait(self._lease / _OFTEN):
                runner.run(self._try())
            runner.run(self._journal.leave_loop())

    async def _try(self) -> None:
        try:
            await self.beat()
        except StorageError as error:
            self._log.warning("the lease of a worker was not renewed", error=error.message)
