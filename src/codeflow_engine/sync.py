"""The same engine for synchronous code: one line a verb over a background event loop."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Self, Unpack

from codeflow_engine.engine import AsyncEngine, ChangeLike, EngineOptions
from codeflow_engine.errors import CodeflowError, ConfigurationError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import (
        Callable,
        Collection,
        Coroutine,
        Iterable,
        Iterator,
        Mapping,
    )
    from datetime import datetime
    from os import PathLike
    from types import TracebackType

    from pandas import DataFrame

    from codeflow_engine.contracts import Pruned
    from codeflow_engine.domain.budget import Budget
    from codeflow_engine.domain.dismissal import Dismissal
    from codeflow_engine.domain.effect import Plan, Receipt
    from codeflow_engine.domain.journal import StepRecord
    from codeflow_engine.domain.review import Review
    from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
    from codeflow_engine.plugins.overview import Plugins
    from codeflow_engine.runs.handle import AsyncRun
    from codeflow_engine.runs.workflow import WorkflowFunction
    from codeflow_engine.sandbox import Isolation

__all__ = ["Engine", "Run"]

_CLOSING = 10.0
"""Seconds that closing may take before the loop is stopped all the same."""


class _Loop:
    """An event loop in a daemon thread, started at the first call.

    It runs beside any loop of the caller, so the facade works in a notebook, and it never
    keeps the interpreter alive.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process: int | None = None
        self._start = threading.Lock()
        self._closed = False

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; when the wait is interrupted, it is cancelled."""
        import asyncio

        with self._start:
            if self._closed:
                work.close()
                raise ConfigurationError("this engine is closed")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="codeflow loop", daemon=True
                )
                self._thread.start()
                self._process = os.getpid()
            if self._process != os.getpid():
                work.close()
                raise ConfigurationError(
                    "this engine was opened before the process was forked, and its thread "
                    "stayed behind: make an engine in each process"
                )
        if threading.current_thread() is self._thread:
            work.close()
            raise ConfigurationError(
                "the synchronous engine was called from its own event loop; "
                "code that runs inside of a run uses AsyncEngine"
            )
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            # Ctrl-C interrupts the wait, not the work.
            future.cancel()
            raise

    def close(self, last: Coroutine[Any, Any, None]) -> None:
        """Run a last coroutine, stop the loop and join the thread; may be called again."""
        import asyncio

        with self._start:
            # After a fork the loop is a copy that nobody turns.
            started = self._process == os.getpid() and not self._closed
            self._closed = True
        loop, thread = self._loop, self._thread
        if not started or loop is None or thread is None:
            last.close()
            return
        try:
            asyncio.run_coroutine_threadsafe(last, loop).result(_CLOSING)
            asyncio.run_coroutine_threadsafe(_settle(), loop).result(_CLOSING)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(_CLOSING)
            if not thread.is_alive():
                loop.close()


async def _settle() -> None:
    """Cancel what is left on the loop, so that no task is destroyed while pending."""
    import asyncio

    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


def _close(loop: _Loop, engine: AsyncEngine) -> None:
    try:
        loop.close(engine.aclose())
    except (CodeflowError, RuntimeError):
        # Nobody has closed it, and the interpreter is at its end, where it lends no thread any
        # more: what is left ends with the process, and its runs are anybody's then.
        if threading.main_thread().is_alive():
            raise


class Engine:
    """Reviews changes from synchronous code, also inside a running event loop.

    Takes the same options as `AsyncEngine`. Use it as a context manager, or call
    `close`; one that is neither ends quietly when it is collected.
    """

    def __init__(self, **options: Unpack[EngineOptions]) -> None:
        self._engine = AsyncEngine(**options)
        if bound := self._engine.plugins.loop_bound:
            raise ConfigurationError(
                f"{' and '.join(bound)} belongs to an event loop of the host, "
                f"and the synchronous engine has one of its own: give a URL, or the synchronous "
                f"form of it, or use AsyncEngine"
            )
        self._loop = _Loop()
        self._finalizer = weakref.finalize(self, _close, self._loop, self._engine)

    @property
    def begins(self) -> bool:
        """Give what `AsyncEngine.begins` gives."""
        return self._engine.begins

    def __enter__(self) -> Self:
        if self.begins:
            self._loop.run(self._engine.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Do what `AsyncEngine.aclose` does, and end the background loop."""
        self._finalizer()

    def review(
        self,
        change: ChangeLike,
        *,
        base: str | None = None,
        head: str | None = None,
        analyzers: Iterable[str] | None = None,
        scope: str | None = None,
        reports: Iterable[str | PathLike[str]] = (),
    ) -> Review:
        """Do what `AsyncEngine.review` does."""
        return self._loop.run(
            self._engine.review(
                change, base=base, head=head, analyzers=analyzers, scope=scope, reports=reports
            )
        )

    def open(self) -> None:
        """Do what `AsyncEngine.open` does."""
        self._loop.run(self._engine.open())

    def drain(self, *, grace: float = 30.0) -> None:
        """Do what `AsyncEngine.drain` does."""
        self._loop.run(self._engine.drain(grace=grace))

    def workflow(
        self,
        name: str,
        *,
        version: int = 1,
        earlier: Mapping[int, WorkflowFunction] | None = None,
    ) -> Callable[[WorkflowFunction], WorkflowFunction]:
        """Do what `AsyncEngine.workflow` does; the function is async here, too."""
        return self._engine.workflow(name, version=version, earlier=earlier)

    def submit(
        self,
        workflow: str,
        input: Mapping[str, Any],  # noqa: A002
        *,
        key: str | None = None,
        transaction: object = None,
        not_before: datetime | None = None,
        priority: int = 0,
    ) -> Run:
        """Do what `AsyncEngine.submit` does."""
        submitting = self._engine.submit(
            workflow,
            input,
            key=key,
            transaction=transaction,
            not_before=not_before,
            priority=priority,
        )
        return Run(self._loop.run(submitting), self._loop)

    def plan(self, review: Review) -> Plan:
        """Do what `AsyncEngine.plan` does."""
        return self._loop.run(self._engine.plan(review))

    def apply(self, plan: Plan) -> tuple[Receipt, ...]:
        """Do what `AsyncEngine.apply` does."""
        return self._loop.run(self._engine.apply(plan))

    def run(self, run_id: str) -> Run:
        """Do what `AsyncEngine.run` does."""
        return Run(self._loop.run(self._engine.run(run_id)), self._loop)

    def runs(self, *, status: RunStatus | None = None, limit: int = 100) -> tuple[Run, ...]:
        """Do what `AsyncEngine.runs` does."""
        found = self._loop.run(self._engine.runs(status=status, limit=limit))
        return tuple(Run(run, self._loop) for run in found)

    def interrupted(self, *, limit: int = 100) -> tuple[Run, ...]:
        """Do what `AsyncEngine.interrupted` does."""
        found = self._loop.run(self._engine.interrupted(limit=limit))
        return tuple(Run(run, self._loop) for run in found)

    def dismiss(
        self,
        fingerprint: str,
        *,
        reason: str,
        author: str,
        scope: str = "repository",
        where: str | None = None,
        expires_at: datetime | None = None,
    ) -> Dismissal:
        """Do what `AsyncEngine.dismiss` does."""
        return self._loop.run(
            self._engine.dismiss(
                fingerprint,
                reason=reason,
                author=author,
                scope=scope,
                where=where,
                expires_at=expires_at,
            )
        )

    def restore(self, fingerprint: str) -> tuple[Dismissal, ...]:
        """Do what `AsyncEngine.restore` does."""
        return self._loop.run(self._engine.restore(fingerprint))

    def dismissals(self) -> tuple[Dismissal, ...]:
        """Do what `AsyncEngine.dismissals` does."""
        return self._loop.run(self._engine.dismissals())

    def import_dismissals(self, dismissals: Iterable[Dismissal]) -> None:
        """Do what `AsyncEngine.import_dismissals` does."""
        self._loop.run(self._engine.import_dismissals(dismissals))

    def migrate(self) -> None:
        """Do what `AsyncEngine.migrate` does."""
        self._loop.run(self._engine.migrate())

    def prune(self, *, before: datetime) -> Pruned:
        """Do what `AsyncEngine.prune` does."""
        return self._loop.run(self._engine.prune(before=before))

    def isolation(self) -> Isolation:
        """Do what `AsyncEngine.isolation` does."""
        return self._loop.run(self._engine.isolation())

    @property
    def plugins(self) -> Plugins:
        """The plugins of this engine: what they offer, and which of them failed."""
        return self._engine.plugins


class Run:
    """A run of a workflow, under way or ended; the synchronous form of `AsyncRun`."""

    def __init__(self, run: AsyncRun, loop: _Loop) -> None:
        self._run = run
        self._loop = loop

    @property
    def id(self) -> str:
        """Id of the run."""
        return self._run.id

    @property
    def record(self) -> RunRecord:
        """Give what `AsyncRun.record` gives."""
        return self._run.record

    @property
    def status(self) -> RunStatus:
        """Give what `AsyncRun.status` gives."""
        return self._run.status

    def refresh(self) -> RunRecord:
        """Do what `AsyncRun.refresh` does."""
        return self._loop.run(self._run.refresh())

    def result(self) -> Any:
        """Do what `AsyncRun.result` does."""
        return self._loop.run(self._run.result())

    def events(self, *, after: int = 0, wait: bool = True) -> Iterator[RunEvent]:
        """Do what `AsyncRun.events` does."""
        stream = self._run.events(after=after, wait=wait)
        while (event := self._loop.run(anext(stream, None))) is not None:
            yield event

    def to_dataframe(self) -> DataFrame:
        """Do what `AsyncRun.to_dataframe` does."""
        return self._loop.run(self._run.to_dataframe())

    def steps(self) -> tuple[StepRecord, ...]:
        """Do what `AsyncRun.steps` does."""
        return self._loop.run(self._run.steps())

    def cancel(self) -> None:
        """Do what `AsyncRun.cancel` does."""
        self._loop.run(self._run.cancel())

    def resume(self) -> None:
        """Do what `AsyncRun.resume` does."""
        self._loop.run(self._run.resume())

    def send(self, signal: str, value: Any = None, *, id: str | None = None) -> None:  # noqa: A002
        """Do what `AsyncRun.send` does."""
        self._loop.run(self._run.send(signal, value, id=id))

    def approve(self, *, by: str) -> None:
        """Do what `AsyncRun.approve` does."""
        self._loop.run(self._run.approve(by=by))

    def top_up(self, budget: Budget) -> None:
        """Do what `AsyncRun.top_up` does."""
        self._loop.run(self._run.top_up(budget))

    def __repr__(self) -> str:
        return repr(self._run).replace("<AsyncRun", "<Run", 1)

    def _repr_html_(self) -> str:
        return self._run._repr_html_()

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        bundle = self._run._repr_mimebundle_(include, exclude)
        return bundle | ({"text/plain": repr(self)} if "text/plain" in bundle else {})
