"""How questions share what is left of a budget: in their order, and to the last bit of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.errors import BudgetExhaustedError

__all__ = ["Paying"]


class Paying:
    """Asks the questions of one review, some of them at a time.

    A question is booked with the most that it may cost, which is several times what it does
    cost. Where some are under way, one may be refused though there is enough for it. So a
    question that was refused is asked a second time, alone, once all others have been paid
    for; and from the first refusal on each waits for its turn, so that what is left goes to
    the riskiest chunks and not to whoever comes at the right moment.

    The second time has a key of its own, and always comes after a first one that was refused:
    a run that is taken up again asks in the same way, whoever is under way then.

    Args:
        ask: Asks a question, with its key in the run.
    """

    def __init__(self, ask: Callable[[ChatRequest, str], Awaitable[ChatAnswer]]) -> None:
        self._ask = ask
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._turn = asyncio.Lock()
        self._is_tight = False

    async def ask(self, request: ChatRequest, key: str) -> ChatAnswer:
        """Ask.

        Raises:
            BudgetExhaustedError: There is too little left, also for this question alone.
            CodeflowError: Whatever else keeps it from being answered.
        """
        if not self._is_tight:
            try:
                return await self._ask_in_company(request, key)
            except BudgetExhaustedError:
                self._is_tight = True
                return await self._ask_alone(request, f"{key} again")
        try:
            return await self._ask_alone(request, key)
        except BudgetExhaustedError:
            return await self._ask_alone(request, f"{key} again")

    async def _ask_in_company(self, request: ChatRequest, key: str) -> ChatAnswer:
        self._under_way += 1
        self._idle.clear()
        try:
            return await self._ask(request, key)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def _ask_alone(self, request: ChatRequest, key: str) -> ChatAnswer:
        async with self._turn:
            await self._idle.wait()
            return await self._ask(request, key)
