"""Calls that come at the same time become one: the group commit of a journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from codeflow_engine.errors import CodeflowError, StorageError, StorageUnavailableError
from codeflow_engine.plugins.containment import is_foreign
from codeflow_engine.runs.containment import as_ours

__all__ = ["Batches", "check_answers", "in_time"]


async def in_time[T](call: Awaitable[T], seconds: float) -> T:
    """Wait for the storage, and not for ever.

    Raises:
        StorageUnavailableError: It has not answered; whether it has done what it was asked
            for is not known.
        StorageError: It failed, in whatever way.
    """
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            return await call
    except BaseException as error:
        if deadline.expired() and isinstance(error, TimeoutError):
            told = f"the storage has given no answer within {seconds:g} s"
            raise StorageUnavailableError(told) from error
        if isinstance(error, CodeflowError) or not is_foreign(error):
            raise
        # A storage that breaks its contract, in words that may quote anything.
        raise StorageError(f"the storage failed with {type(error).__name__}") from error


def check_answers(answers: object, number: int, is_answer: Callable[[object], bool] | None) -> None:
    """See that what a storage has answered to so many items are answers at all.

    Raises:
        StorageError: They are not.
    """
    if not isinstance(answers, list | tuple) or len(answers) != number:
        raise StorageError(f"the storage has not given one answer for each of {number} items")
    if is_answer is not None and not all(map(is_answer, answers)):
        raise StorageError("the storage has given an answer of another type than is declared")


class Batches[I, O]:
    """Collects items while a call is under way, and gives them all to the next one.

    Nobody waits for company: an item that comes alone goes at once. Giving up the wait does
    not take an item back. What makes a whole call fail is looked for by asking for each item
    alone, so that it fails nobody else's.

    Args:
        call: Takes items, and answers each in their order.
        seconds: How long one call may take; whether it was kept is then not known.
        is_answer: Says whether something is an answer at all; None takes anything for one.
        most: How many items one call takes.
    """

    def __init__(
        self,
        call: Callable[[Sequence[I]], Awaitable[Sequence[O]]],
        *,
        seconds: float,
        is_answer: Callable[[object], bool] | None = None,
        most: int = 500,
    ) -> None:
        self._call = call
        self._seconds = seconds
        self._is_answer = is_answer
        self._most = most
        self._waiting: list[tuple[I, asyncio.Future[O]]] = []
        self._work: asyncio.Task[None] | None = None

    async def ask(self, item: I) -> O:
        """Ask for one item; raises what the call raised for it.

        Raises:
            StorageError: The journal failed.
        """
        answer: asyncio.Future[O] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._work is None:
            self._work = asyncio.create_task(self._go())
        return await answer

    async def idle(self) -> None:
        """Wait until everything that was asked for is answered."""
        while (work := self._work) is not None:
            await asyncio.wait([work])

    async def _go(self) -> None:
        batch: Sequence[tuple[I, asyncio.Future[O]]] = ()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._settle(batch)
        finally:
            # Reached with something left only where the loop itself is ended.
            for _, answer in (*batch, *self._waiting):
                answer.cancel()
            self._waiting = []
            self._work = None

    async def _settle(self, batch: Sequence[tuple[I, asyncio.Future[O]]]) -> None:
        try:
            answers = await in_time(self._call([item for item, _ in batch]), self._seconds)
            check_answers(answers, len(batch), self._is_answer)
        except BaseException as error:
            if not is_foreign(error):
                raise
            await self._fail(batch, error)
            return
        for (_, waiting), answer in zip(batch, answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)

    async def _fail(
        self, batch: Sequence[tuple[I, asyncio.Future[O]]], error: BaseException
    ) -> None:
        if len(batch) > 1 and not (isinstance(error, StorageError) and error.retryable):
            for one in batch:
                await self._settle([one])
            return
        raised = as_ours(error)
        for _, waiting in batch:
            if not waiting.done():
                waiting.set_exception(raised)
