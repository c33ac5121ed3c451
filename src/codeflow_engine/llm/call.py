"""One call of one model: booked, paced, tried again, watched, and settled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.domain.usage import CallUsage, Usage
from codeflow_engine.errors import (
    CodeflowError,
    PluginError,
    ProviderError,
    ProviderTimeoutError,
)
from codeflow_engine.llm.retry import Retrying
from codeflow_engine.llm.tokens import estimate
from codeflow_engine.plugins.containment import is_foreign, tell

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

        The most that it may cost is booked before. Attempts that failed and may be charged all
        the same are booked as an estimate. A call that is cancelled, or whose process ends,
        leaves its booking as it is: nobody knows what it did cost.

        Raises:
            ConfigurationError: It has no key, or its SDK is not installed.
            BudgetExhaustedError: It could cost more than is left.
            ProviderError: There is no answer.
            PluginError: The provider broke its contract.
        """
        model.llm.check()
        sent = estimate(request, provider=model.llm.provider, model=model.llm.model)
        reservation_id = self.clock.new_id()
        await self._reserve(model, payer, reservation_id, sent, request.max_output_tokens)
        charged = _Charges(model, sent)
        llm = model.llm
        with self.eyes.llm_call(
            request, provider=llm.provider, model=llm.model, endpoint=llm.endpoint
        ) as seen:
            try:
                answer = await self._attempts(model, request, sent, charged, seen)
            except CodeflowError:
                await self.purse.settle(reservation_id, charged.usd, charged.tokens)
                raise
            priced = replace(answer.usage, calls=1, cost_usd=model.facts().cost(answer.usage))
            answer = replace(answer, usage=priced)
            seen.answered(answer)
        charged.add(priced)
        await self.purse.settle(reservation_id, charged.usd, charged.tokens)
        await model.pacer.heed(answer.room)
        return answer

    async def _reserve(
        self, model: Model, payer: Payer, reservation_id: str, sent: int, received: int
    ) -> None:
        most = model.facts().ceiling(sent, received)
        await self.purse.reserve(reservation_id, payer, most, sent + received, title=model.id)

    async def _attempts(
        self,
        model: Model,
        request: ChatRequest,
        sent: int,
        charged: _Charges,
        seen: ModelCall,
    ) -> ChatAnswer:
        deadline = self.clock.monotonic() + self.deadline
        retrying = Retrying(self.retry, model.allowance, self.clock, deadline=deadline)

        async def attempt() -> ChatAnswer:
            left = deadline - self.clock.monotonic()
            patience = min(self.retry.most, left)
            await model.pacer.wait(sent + request.max_output_tokens, most=patience)
            with model.key.guard(), model.breaker.guard():
                try:
                    with seen.attempt():
                        return await _once(model, request, min(self.timeout, left))
                except ProviderError as error:
                    charged.note(error)
                    raise

        def failed(error: BaseException, pause: float) -> None:
            if isinstance(error, ProviderError):
                self.log.info(
                    "model is asked again", model=model.id, error=error.kind, pause=round(pause, 1)
                )

        return await retrying.go(attempt, failed)


async def _once(model: Model, request: ChatRequest, seconds: float) -> ChatAnswer:
    """Make one attempt; whatever a provider raises becomes an error of our tree."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            answer: object = await model.llm.complete(request)
    except CodeflowError:
        raise
    except BaseException as error:
        if isinstance(error, TimeoutError) and limit.expired():
            raise ProviderTimeoutError(
                f"{model.id} gave no answer within {seconds:g} s", kind="deadline", charged=True
            ) from None
        if not is_foreign(error):
            raise
        raise PluginError(f"llm {model.id!r} broke its contract: {tell(error)}") from error
    if not (isinstance(answer, ChatAnswer) and is_sound(answer)):
        raise PluginError(f"llm {model.id!r} gave a {type(answer).__name__} that is no answer")
    return answer


class _Charges:
    """What the attempts of a call did cost so far."""

    def __init__(self, model: Model, sent: int) -> None:
        self._cost: Callable[[CallUsage], Decimal | None] = model.facts().cost
        self._sent = sent
        self._usage = Usage()

    @property
    def usd(self) -> Decimal | None:
        """Dollars; None where one attempt has no known price."""
        return self._usage.cost_usd

    @property
    def tokens(self) -> int:
        """Tokens sent and received together."""
        return self._usage.input_tokens + self._usage.output_tokens

    def add(self, usage: Usage) -> None:
        """Count an answer."""
        self._usage += usage

    def note(self, error: ProviderError) -> None:
        """Count a failure that may be charged, as what was sent."""
        if error.charged:
            usage = CallUsage(calls=1, input_tokens=self._sent)
            self.add(replace(usage, cost_usd=self._cost(usage)))
