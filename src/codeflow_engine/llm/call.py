"""One call of one model: booked, paced, tried again, watched, and settled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.errors import (
    CodeflowError,
    PluginError,
    ProviderError,
    ProviderTimeoutError,
    StorageError,
)
from codeflow_engine.llm.foreign import foreign
from codeflow_engine.llm.retry import Retrying
from codeflow_engine.llm.tokens import estimated
from codeflow_engine.pace.admission import admit

if TYPE_CHECKING:
    from codeflow_engine.domain.budget import Payer
    from codeflow_engine.llm.model import Model
    from codeflow_engine.llm.purse import Purse
    from codeflow_engine.pace.clock import Clock
    from codeflow_engine.pace.retry import Retry
    from codeflow_engine.telemetry.calls import ModelCall
    from codeflow_engine.telemetry.eyes import Eyes
    from codeflow_engine.telemetry.logging import EngineLog

__all__ = ["Caller"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Makes the calls of one engine."""

    purse: Purse
    clock: Clock
    eyes: Eyes
    log: EngineLog
    retry: Retry
    timeout: float
    """Seconds for one attempt."""

    deadline: float
    """Seconds for a call with all its attempts and pauses."""

    async def call(self, model: Model, request: ChatRequest, payer: Payer) -> ChatAnswer:
        """Ask a model, and say what it did cost.

        Each attempt is booked on its own, at the most that it may cost, and for as long as it is
        under way: whoever waits for the next one holds no money. One that fails and may be
        charged all the same stays booked so, and so does one that is cancelled, or whose process
        ends: nobody knows what it did cost.

        Raises:
            ConfigurationError: It has no key, or its SDK is not installed.
            BudgetExhaustedError: It could cost more than is left.
            ProviderError: There is no answer.
            PluginError: The provider broke its contract.
        """
        with foreign(model.id):
            model.llm.check()
            llm, endpoint = model.llm, model.llm.endpoint
            sent = await estimated(request, llm.provider, llm.model)
        with self.eyes.llm_call(
            request, provider=llm.provider, model=llm.model, endpoint=endpoint
        ) as seen:
            answer = await self._attempts(model, request, payer, sent, seen)
            seen.answered(answer)
        with self._unwritten(model, "what the provider says of its rate limits"):
            await model.pacer.heed(answer.room)
        return answer

    async def _attempts(
        self, model: Model, request: ChatRequest, payer: Payer, sent: int, seen: ModelCall
    ) -> ChatAnswer:
        deadline = self.clock.monotonic() + self.deadline
        retrying = Retrying(self.retry, model.allowance, self.clock, deadline=deadline)

        async def attempt() -> ChatAnswer:
            patience = min(self.retry.most, deadline - self.clock.monotonic())
            await model.pacer.wait(sent + request.max_output_tokens, most=patience)
            left = deadline - self.clock.monotonic()
            if left <= 0:
                raise ProviderTimeoutError(
                    f"{model.id} could not be asked within {self.deadline:g} s", kind="deadline"
                )
            with model.key.guard(), model.breaker.guard():
                booking = _Booking(model, sent, request.max_output_tokens, self.clock.new_id())
                return await self._attempt(
                    booking, request, payer, seconds=min(self.timeout, left), seen=seen
                )

        def failed(error: BaseException, pause: float) -> None:
            if isinstance(error, ProviderError):
                self.log.info(
                    "model is asked again", model=model.id, error=error.kind, pause=round(pause, 1)
                )

        return await retrying.go(attempt, failed)

    async def _attempt(
        self,
        booking: _Booking,
        request: ChatRequest,
        payer: Payer,
        *,
        seconds: float,
        seen: ModelCall,
    ) -> ChatAnswer:
        """Send it once, between its booking and what it did cost."""
        model = booking.model
        await self.purse.reserve(booking.id, payer, booking.usd, booking.tokens, title=model.id)
        admit()
        try:
            with seen.attempt():
                answer = await _once(model, request, seconds)
        except CodeflowError as error:
            usage = booking.usage if _may_cost(error) else CallUsage()
            await self._settle(booking, usage)
            raise
        usage = replace(answer.usage, calls=1, cost_usd=model.facts().cost(answer.usage))
        await self._settle(booking, usage)
        return replace(answer, usage=usage)

    async def _settle(self, booking: _Booking, usage: CallUsage) -> None:
        usd = booking.most(usage) if usage.cost_usd is None else usage.cost_usd
        with self._unwritten(booking.model, "what a call did cost, which stays booked at the most"):
            await self.purse.settle(booking.id, usd, usage.input_tokens + usage.output_tokens)

    @contextmanager
    def _unwritten(self, model: Model, what: str) -> Iterator[None]:
        """Go on where the meter fails after a call: its answer is paid for, and not thrown away."""
        try:
            yield
        except StorageError as error:
            self.log.warning(
                "storage did not take what a call leaves",
                model=model.id,
                what=what,
                error=error.message,
            )


def _may_cost(error: CodeflowError) -> bool:
    """Say whether a failed attempt may cost money; whether a broken plugin's does, nobody knows."""
    return error.charged if isinstance(error, ProviderError) else isinstance(error, PluginError)


async def _once(model: Model, request: ChatRequest, seconds: float) -> ChatAnswer:
    """Make one attempt; whatever a provider raises becomes an error of our tree."""
    limit = asyncio.timeout(seconds)
    with foreign(model.id):
        try:
            async with limit:
                answer: object = await model.llm.complete(request)
        except TimeoutError:
            if not limit.expired():
                raise
            raise ProviderTimeoutError(
                f"{model.id} gave no answer within {seconds:g} s", kind="deadline", charged=True
            ) from None
    if not (isinstance(answer, ChatAnswer) and is_sound(answer)):
        raise PluginError(f"llm {model.id!r} gave a {type(answer).__name__} that is no answer")
    return answer


class _Booking:
    """What one attempt may cost at most."""

    def __init__(self, model: Model, sent: int, received: int, booking_id: str) -> None:
        self.model: Model = model
        self.id: str = booking_id
        self.usd: Decimal | None = model.facts().ceiling(sent, received)
        """Dollars; None where the model has no known price."""

        self.usage: CallUsage = CallUsage(
            calls=1, input_tokens=sent, output_tokens=received, cost_usd=self.usd
        )
        self.tokens: int = sent + received

    def most(self, usage: CallUsage) -> Decimal | None:
        """Tell the most that a call cost whose counts leave that unknown, which is never 0.

        Where they disagree, such as by more from the cache than was sent, the larger one counts.
        """
        if self.usd is None:
            return None
        sent = max(usage.input_tokens, usage.cached_tokens + usage.cache_write_tokens)
        told = self.model.facts().ceiling(sent, usage.output_tokens)
        return self.usd if told is None else max(self.usd, told)
