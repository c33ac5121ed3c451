"""Workflow backends that are `LocalBackend`, but for one thing that is wrong with each."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import datetime

from codeflow_engine.contracts.workflow import Execute
from codeflow_engine.errors import WorkflowError
from codeflow_engine.providers.workflow.local import LocalBackend


class Enqueueing(LocalBackend):
    """Accepts only what it wants to."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if self.wants(run_id):
            await super().enqueue(run_id, not_before=not_before)

    def wants(self, run_id: str) -> bool:
        return True


class Executing(LocalBackend):
    """Executes in a way of its own."""

    async def start(self, execute: Execute) -> None:
        await super().start(lambda run_id: self.run(run_id, execute))

    async def run(self, run_id: str, execute: Execute) -> None:
        await execute(run_id)


class Tidy(LocalBackend):
    """Makes ids fit for a command line."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        await super().enqueue(run_id.strip("-"), not_before=not_before)


class Inline(LocalBackend):
    """Executes on the spot."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        await super().enqueue(run_id, not_before=not_before)
        await asyncio.wait([self._running[run_id]])


class Crowded(Enqueueing):
    """Drops what comes while all places are taken."""

    def wants(self, run_id: str) -> bool:
        return len(self._running) < self._concurrency


class Cramped(Enqueueing):
    """Counts every run that ever came as one that takes room."""

    def __init__(self) -> None:
        super().__init__()
        self._came = 0

    @property
    def room(self) -> int | None:
        return max(0, 2 * self._concurrency - self._came)

    def wants(self, run_id: str) -> bool:
        self._came += 1
        return True


class Unique(Enqueueing):
    """Uses the run's id as that of its own job, which exists once."""

    def __init__(self) -> None:
        super().__init__()
        self.known: set[str] = set()

    def wants(self, run_id: str) -> bool:
        known = run_id in self.known
        self.known.add(run_id)
        return not known


class Strict(LocalBackend):
    """Takes a repeated id for a mistake."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if run_id in self._running or run_id in self._waiting:
            raise WorkflowError(f"run {run_id!r} was accepted already")
        await super().enqueue(run_id, not_before=not_before)


class Busy(Enqueueing):
    """Does not carry a run that executes."""

    def wants(self, run_id: str) -> bool:
        return run_id not in self._running


class Locked(Executing):
    """Accepts nothing while it executes something."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = asyncio.Lock()

    async def run(self, run_id: str, execute: Execute) -> None:
        async with self.lock:
            await execute(run_id)

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        async with self.lock:
            await super().enqueue(run_id, not_before=not_before)


class Single(Executing):
    """Has one worker, which does not outlive a cancellation."""

    alive = True

    async def run(self, run_id: str, execute: Execute) -> None:
        try:
            await execute(run_id)
        except asyncio.CancelledError:
            self.alive = False
            raise

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if self.alive:
            await super().enqueue(run_id, not_before=not_before)


class Leaking(LocalBackend):
    """Never gets back the place of an execution that failed."""

    def _end(self, execute: Execute, run_id: str, task: asyncio.Task[None]) -> None:
        if task.cancelled() or not task.exception():
            super()._end(execute, run_id, task)


class Blocking(Executing):
    """Executes after a look at a slow disk."""

    async def run(self, run_id: str, execute: Execute) -> None:
        time.sleep(0.7 if run_id == "r1" else 0)  # noqa: ASYNC251 - that is what is wrong with it
        await execute(run_id)


class Keeping(LocalBackend):
    """Keeps for later what comes before its start."""

    def __init__(self) -> None:
        super().__init__()
        self.early: list[str] = []

    async def start(self, execute: Execute) -> None:
        await super().start(execute)
        for run_id in self.early:
            await self.enqueue(run_id)

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if self._execute is None and self._accepts:
            self.early.append(run_id)
        else:
            await super().enqueue(run_id, not_before=not_before)


class Fickle(LocalBackend):
    """Executes for whoever came last."""

    async def start(self, execute: Execute) -> None:
        self._execute = execute


class Willing(LocalBackend):
    """Cannot stop what runs."""

    async def cancel(self, run_id: str) -> None: ...


class Careless(LocalBackend):
    """Stops each run whose id begins like the one that was meant."""

    async def cancel(self, run_id: str) -> None:
        for one, task in self._running.items():
            if one.startswith(run_id):
                task.cancel()


class Remembering(Enqueueing):
    """Keeps a list of the runs that were cancelled, for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped: set[str] = set()

    async def cancel(self, run_id: str) -> None:
        self.stopped.add(run_id)
        await super().cancel(run_id)

    def wants(self, run_id: str) -> bool:
        return run_id not in self.stopped


class Precise(LocalBackend):
    """Knows what runs, and nothing else."""

    async def cancel(self, run_id: str) -> None:
        self._running[run_id].cancel()


class Persistent(LocalBackend):
    """Does not look for a run in the line of those that wait."""

    async def cancel(self, run_id: str) -> None:
        if task := self._running.get(run_id):
            task.cancel()


class Open(LocalBackend):
    """Accepts runs until everything has ended."""

    async def drain(self, *, grace: float) -> None:
        if self._running:
            await asyncio.wait(self._running.values(), timeout=grace)
        await super().drain(grace=0)


class Swallowing(LocalBackend):
    """Drops what comes after its end, or before its start, without a word."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        with suppress(WorkflowError):
            await super().enqueue(run_id, not_before=not_before)


class Finishing(LocalBackend):
    """Works off its line before it ends."""

    async def drain(self, *, grace: float) -> None:
        self._accepts = False
        while self._running and grace:
            await asyncio.wait(self._running.values(), timeout=grace)
        await super().drain(grace=0)


class Orderly(LocalBackend):
    """Drains for one caller after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = asyncio.Lock()

    async def drain(self, *, grace: float) -> None:
        async with self.lock:
            await super().drain(grace=grace)

    async def aclose(self) -> None:
        await super().drain(grace=0)


class Hasty(LocalBackend):
    """Has no grace."""

    async def drain(self, *, grace: float) -> None:
        await super().drain(grace=0)


class Fleeing(LocalBackend):
    """Tells runs to end, and leaves before they do."""

    async def drain(self, *, grace: float) -> None:
        self._accepts = False
        if self._running:
            await asyncio.wait(self._running.values(), timeout=grace)
        for task in self._running.values():
            task.cancel()


class Thorough(LocalBackend):
    """Uses the whole of its grace."""

    async def drain(self, *, grace: float) -> None:
        await super().drain(grace=grace)
        await asyncio.sleep(grace)


class Started(LocalBackend):
    """Has nothing to drain before it is started, and says so."""

    async def drain(self, *, grace: float) -> None:
        if self._execute is None:
            raise WorkflowError("the backend is not started")
        await super().drain(grace=grace)

    async def aclose(self) -> None:
        await super().drain(grace=0)


class Once(LocalBackend):
    """Can be drained only once."""

    async def drain(self, *, grace: float) -> None:
        if not self._accepts:
            raise WorkflowError("the backend is drained")
        await super().drain(grace=grace)

    async def aclose(self) -> None:
        await super().drain(grace=0)


class Patient(LocalBackend):
    """Closes when everything has ended by itself."""

    async def aclose(self) -> None:
        await super().drain(grace=0.3)


class Deserted(LocalBackend):
    """Closes nothing."""

    async def aclose(self) -> None: ...


class Polling(LocalBackend):
    """Has a task of its own, and forgets it."""

    async def start(self, execute: Execute) -> None:
        await super().start(execute)
        self.poll = asyncio.create_task(asyncio.sleep(3600))


class Boastful(LocalBackend):
    """Executes at once what it cannot hold back, without a word."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        await super().enqueue(run_id)
