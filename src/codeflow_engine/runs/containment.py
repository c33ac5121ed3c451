"""What a part of a run raises ends that run, and nothing around it."""

from __future__ import annotations

import asyncio

from codeflow_engine.errors import WorkflowError
from codeflow_engine.plugins.containment import is_foreign

__all__ = ["as_ours", "unless_cancelled"]


def as_ours(error: BaseException) -> BaseException:
    """Give the error to end a run with: a plugin cannot cancel a run, or leave the program.

    A task that is left by `SystemExit` takes the loop of the host along, and a cancellation
    that nobody asked for would read as somebody's wish.
    """
    if isinstance(error, Exception) or not is_foreign(error):
        return error
    return WorkflowError(f"a part of the run ended with {type(error).__name__}")


def unless_cancelled[T](value: T) -> T:
    """Cancel anew where code of a plugin has caught the cancellation and went on."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    return value
