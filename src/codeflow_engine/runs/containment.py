"""What a part of a run raises ends that run, and nothing around it."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable

from codeflow_engine.errors import CodeflowError, WorkflowError
from codeflow_engine.plugins.containment import is_foreign, tell
from codeflow_engine.redaction import Redactor

__all__ = ["apart", "as_ours", "contained", "describe", "place_of", "redact"]

_FRAMES = 5


def as_ours(error: BaseException) -> BaseException:
    """Give the error to end a run with: a plugin cannot cancel a run, or leave the program.

    A task that is left by `SystemExit` takes the loop of the host along, and a cancellation
    that nobody asked for would read as somebody's wish.
    """
    if isinstance(error, Exception) or not is_foreign(error):
        return error
    return WorkflowError(f"a part of the run ended with {type(error).__name__}")


async def contained[T](work: Awaitable[T]) -> T:
    """Do work; what it raises is an error to end a run with."""
    try:
        return await work
    except BaseException as error:
        ours = as_ours(error)
        if ours is error:
            raise
        raise ours from error


async def apart[T](do: Callable[[], Awaitable[T]]) -> T:
    """Do work of others in a task of its own, which is cancelled with the one that waits.

    Where it catches the cancellation and goes on, that is raised anew at its end. What marks
    the work's own task as cancelled ends with it: a group of tasks that fails leaves such a mark
    (Python 3.12), also where what it raises is caught.
    """

    async def own() -> T:
        return await contained(do())

    waits = asyncio.current_task()
    before = waits.cancelling() if waits else 0
    value = await contained(asyncio.create_task(own()))
    if waits and waits.cancelling() > before:
        raise asyncio.CancelledError
    return value


def redact(error: BaseException, redactor: Redactor) -> None:
    """Take secrets out of the words of an error and of those that it comes from.

    They quote the change and the input, and the caller logs and shows them.
    """
    link: BaseException | None = error
    seen: set[int] = set()
    # Causes may run in a circle.
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if isinstance(link, CodeflowError):
            link.args = tuple(redactor.redact(a) if isinstance(a, str) else a for a in link.args)
        link = link.__cause__ or link.__context__


def place_of(error: BaseException) -> str:
    """Tell where an error comes from, the nearest place first; nothing of its text.

    An error that came back from the journal has no place but that of whoever asked.
    """
    seen = {id(error)}
    while (cause := error.__cause__) is not None and id(cause) not in seen:
        seen.add(id(cause))
        error = cause
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    told = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in reversed(frames)]
    return f"{type(error).__name__} at {', from '.join(told) or 'no known place'}"


def describe(error: BaseException, redactor: Redactor) -> str:
    """Tell in a line what ended a run.

    The text of a foreign error may quote anything, and this goes to storage and logs.
    """
    if isinstance(error, CodeflowError):
        return redactor.redact(tell(error))
    return f"{type(error).__name__}: unexpected error"
