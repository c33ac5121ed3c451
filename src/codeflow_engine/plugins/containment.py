"""What a plugin raises stays with it; here is decided what that means."""

from __future__ import annotations

import asyncio

__all__ = ["is_foreign", "tell"]


def is_foreign(error: BaseException) -> bool:
    """Say whether what came out of a plugin's code is the plugin's own failure.

    Everything is but the user's interrupt, the end of a generator, and the cancellation of
    the task that calls. `SystemExit` is: some modules leave the interpreter when something
    is missing. So are other subclasses of `BaseException`: a panic of an extension written
    in Rust arrives as one (PyO3, `PanicException`).
    """
    if isinstance(error, asyncio.CancelledError):
        return not _is_cancelled()
    return not isinstance(error, KeyboardInterrupt | GeneratorExit)


def tell(error: BaseException) -> str:
    """Write the type and the message of an error; also of one that cannot say its message."""
    kind = type(error).__name__
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - a plugin's exception is code of the plugin too
        return kind
    return f"{kind}: {message}" if message else kind


def _is_cancelled() -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        # No loop runs in this thread.
        return False
    return task is not None and task.cancelling() > 0
