"""A worker: it shows that it is alive, and looks for runs that wait for somebody."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codeflow_engine.contracts import StorageCapability
from codeflow_engine.domain.journal import Notice
from codeflow_engine.errors import CodeflowError
from codeflow_engine.plugins.containment import is_foreign
from codeflow_engine.runs.containment import describe
from codeflow_engine.runs.heartbeat import Heartbeat
from codeflow_engine.runs.live import Stop
from codeflow_engine.settings import Executes

if TYPE_CHECKING:
    from codeflow_engine.runs.executor import Executor
    from codeflow_engine.runs.toolbox import Toolbox

__all__ = ["Worker"]

_MOST = 200
"""Runs that one look takes."""

_NOTICED = 1000
"""Runs under way that one look asks about."""

_BREATH = 0.02
"""Seconds between two looks, however often somebody asks for one."""

_HANDED = 60.0
"""Seconds after which a run that another machine was to execute is handed over once more."""

_LONGEST = 60.0
"""Seconds after which a run that could not be claimed is tried again, at the latest."""


@dataclass(frozen=True, slots=True)
class _Pause:
    """How long, and until which moment of the machine's clock, a run is left alone."""

    seconds: float
    until: float


class Worker:
    """The part of an executor that looks after itself.

    Args:
        tools: What the engine works with.
        executor: Whose runs these are.
        remote: Whether runs that were handed over may execute in another process.
    """

    def __init__(self, tools: Toolbox, executor: Executor, *, remote: bool) -> None:
        self.id: str = f"{socket.gethostname()[:64]}:{os.getpid()}:{secrets.token_hex(6)}"
        """Who holds the claims."""

        self._tools = tools
        self._executor = executor
        self._remote = remote
        self._heart = Heartbeat(tools, self.id)
        self._looking: asyncio.Task[None] | None = None
        self._nudged = asyncio.Event()
        self._handed: dict[str, float] = {}
        """Runs that the backend has, and since when."""

        self._own: set[str] = set()
        self._keeps_own = (
            tools.settings.executes is Executes.OWN
            or StorageCapability.DURABLE not in tools.storage.capabilities
        )
        """Whether it matters which runs were asked for here: nobody else would end them."""

        self._abandoned: dict[str, _Pause] = {}
        """Runs that may be claimed here and that nobody executes, or that cannot be claimed."""

        self._takes = True
        """Whether it takes up runs, and not only hears of those under way."""

        self._asked = 0
        self._is_full = False
        """Whether the last look has found as many runs as it takes."""

        self._is_troubled = False
        self._lacks_room = False
        """Whether runs that are due were left in the storage, since the backend wanted no more."""

        self._has_left = False
        """Whether one was left since the last look began."""

    @property
    def has_room(self) -> bool:
        """Whether a new run may be handed over; others that were left before go first."""
        return not self._lacks_room and self._executor.room != 0

    def leave(self) -> None:
        """Take note of a run that was left in the storage, and is to be looked for."""
        self._lacks_room = self._has_left = True
        if self._executor.room != 0:
            self.nudge()

    @property
    def owned(self) -> tuple[str, ...]:
        """Runs that were submitted or resumed here, and have not ended."""
        return tuple(self._own)

    async def renew(self) -> None:
        """Take a lease, or renew it.

        Raises:
            StorageError: The storage cannot be used.
        """
        await self._heart.beat()

    def start(self) -> None:
        """Begin to look for runs, and to show that this worker is alive."""
        self._heart.start()
        self._looking = asyncio.create_task(self._look(), name="codeflow worker")

    def take_no_more(self) -> None:
        """Take up no more runs, and go on to hear what is said of those under way."""
        self._takes = False

    async def stop_looking(self) -> None:
        """Neither take up runs any more, nor hear of them."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    async def stop(self) -> None:
        """Look for nothing more, and end the lease: what is still claimed is anybody's."""
        await self.stop_looking()
        await self._heart.stop()

    def nudge(self) -> None:
        """Look at once."""
        self._nudged.set()

    def own(self, run_id: str) -> None:
        """Take note of a run that this engine was asked for."""
        if self._keeps_own:
            self._own.add(run_id)

    def ended(self, run_id: str) -> None:
        """Forget a run that has ended, and look for what its place is free for."""
        self._own.discard(run_id)
        if self._tools.settings.limits:
            self.nudge()

    async def hand_over(self, run_id: str) -> None:
        """Give a run to the backend.

        Raises:
            WorkflowError: It was not accepted; it is offered again with the next look.
        """
        if self._looking is not None:
            self._handed[run_id] = time.monotonic()
        try:
            await self._executor.enqueue(run_id)
        except BaseException as error:
            self._handed.pop(run_id, None)
            self.abandoned(run_id, error)
            raise

    def expects(self, run_id: str) -> bool:
        """Say whether the backend is about to execute a run here."""
        return not self._remote and run_id in self._handed

    def begun(self, run_id: str) -> None:
        """Take note that the backend has taken up a run, whether or not it could be claimed."""
        self._handed.pop(run_id, None)
        self._abandoned.pop(run_id, None)
        if self._is_full and len(self._handed) < _MOST // 2:
            self.nudge()

    def left(self, run_id: str) -> None:
        """Take note that the backend is done with a run, for now or for good."""
        self._handed.pop(run_id, None)
        if self._lacks_room:
            self.nudge()

    def abandoned(self, run_id: str, error: BaseException | None = None) -> None:
        """Take note of a run that may be claimed here, and is not executed.

        Args:
            run_id: Which one.
            error: Why it could not be claimed. Where that does not pass by itself, it is tried
                less and less often: it takes the room of others, and finds the same.
        """
        seconds = 0.0
        if isinstance(error, CodeflowError) and not error.retryable:
            before = self._abandoned.get(run_id, _Pause(0.0, 0.0))
            seconds = min(max(self._tools.settings.poll, 2 * before.seconds), _LONGEST)
        self._abandoned[run_id] = _Pause(seconds, time.monotonic() + seconds)

    async def _look(self) -> None:
        while True:
            try:
                await self._look_once()
                self._is_troubled = False
            except BaseException as error:
                # Storages and backends are plugins, and nobody else looks for these runs.
                if not is_foreign(error):
                    raise
                if not self._is_troubled:
                    # Said once: it goes on to try, and a storage may be away for hours.
                    told = describe(error, self._tools.redactor)
                    self._tools.log.warning("runs cannot be looked for", error=told)
                self._is_troubled = True
            try:
                async with asyncio.timeout(self._tools.settings.poll):
                    await self._nudged.wait()
                # Many who nudge at once are worth one look.
                await asyncio.sleep(_BREATH)
            except TimeoutError:
                pass
            self._nudged.clear()

    async def _look_once(self) -> None:
        """Hear what is said of runs under way, and take up those that are due."""
        await self._hear()
        self._has_left = False
        found = await self._find()
        self._is_full = len(found) >= _MOST
        self._forget()
        wanted = deque(filter(self._may, dict.fromkeys((*found, *self._abandoned))))
        while wanted and self._takes and self._executor.room != 0:
            await self.hand_over(wanted.popleft())
        self._lacks_room = bool(wanted) or self._has_left
        if self._has_left and self._executor.room != 0:
            self.nudge()

    async def _find(self) -> Sequence[str]:
        """Find runs that are due, the most urgent first."""
        settings = self._tools.settings
        is_picky = settings.executes is Executes.OWN
        if not self._takes or (is_picky and not self._own):
            return ()
        return await self._tools.journal.find_due(
            settings.tenant,
            now=self._tools.clock.now(),
            limit=_MOST,
            run_ids=self._own if is_picky else None,
            limits=settings.limits,
        )

    def _may(self, run_id: str) -> bool:
        """Say whether a run is to be handed over."""
        if run_id in self._executor.active or run_id in self._handed:
            return False
        pause = self._abandoned.get(run_id)
        return pause is None or pause.until <= time.monotonic()

    def _forget(self) -> None:
        """Forget runs that were handed over and have executed elsewhere, as far as is known."""
        if self._remote:
            before = time.monotonic() - _HANDED
            self._handed = {one: at for one, at in self._handed.items() if at > before}

    async def _hear(self) -> None:
        """Hear what others have said of some of the runs under way, in turn."""
        active = list(self._executor.active)
        if not active:
            return
        start = self._asked % len(active)
        some = (active + active)[start : start + min(_NOTICED, len(active))]
        self._asked = start + len(some)
        tenant = self._tools.settings.tenant
        for notice in await self._tools.journal.notices(tenant, some):
            self._heed(notice)

    def _heed(self, notice: Notice) -> None:
        live = self._executor.active.get(notice.run_id)
        if live is None or live.execution is None:
            return
        if notice.fence > live.execution.fence:
            live.execution.end(Stop.LOST)
        elif notice.cancelling:
            live.execution.end(Stop.CANCEL)
        elif notice.signals:
            live.execution.hear()
