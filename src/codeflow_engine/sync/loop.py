"""An event loop in a thread of its own, for callers that have none."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from codeflow_engine.errors import CodeflowError, ConfigurationError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    from codeflow_engine.engine import AsyncEngine

__all__ = ["Loop", "close_engine"]

_CLOSING = 10.0
"""Seconds that closing may take before the loop is stopped all the same."""


class Loop:
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


def close_engine(loop: Loop, engine: AsyncEngine) -> None:
    """Close an engine and its loop; also one that nobody has closed, at the end of the process."""
    try:
        loop.close(engine.aclose())
    except (CodeflowError, RuntimeError):
        # Nobody has closed it, and the interpreter is at its end, where it lends no thread any
        # more: what is left ends with the process, and its runs are anybody's then.
        if threading.main_thread().is_alive():
            raise
