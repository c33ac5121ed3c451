"""The worker threads of an engine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from codeflow_engine.errors import ConfigurationError

__all__ = ["Threads"]


class Threads(ThreadPoolExecutor):
    """Threads that say whose they were, where they are asked after the engine was closed."""

    _are_shut = False

    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a function called in a thread.

        Raises:
            ConfigurationError: The engine is closed.
        """
        try:
            return super().submit(fn, *args, **kwargs)
        except RuntimeError as error:
            if self._are_shut:
                raise ConfigurationError("this engine is closed") from error
            raise

    def shutdown(self, *args: Any, **kwargs: Any) -> None:
        """Take no more work."""
        self._are_shut = True
        super().shutdown(*args, **kwargs)
