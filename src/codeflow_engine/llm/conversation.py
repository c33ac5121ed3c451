"""What it takes until an answer is whole: a model goes on, gets more room, or repairs its form."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason, Message, Role
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.errors import InvalidResponseError
from codeflow_engine.llm.finish import require_whole
from codeflow_engine.llm.structured import MisfitError, checked

if TYPE_CHECKING:
    from codeflow_engine.domain.budget import Payer
    from codeflow_engine.llm.call import Caller
    from codeflow_engine.llm.model import Model

__all__ = ["Conversation"]

_PAUSES = 3
"""How often a model that pauses is sent its own words."""

_QUOTED = 20_000
"""Characters of an answer of a wrong form that the model is shown again."""

_BAD_FORM = "invalid_json"
"""Kind of error with which a provider says that its own model did not keep to the form."""


class Conversation:
    """One question, and whichever models are asked it.

    What all of them have taken is the usage of the answer. One repair is asked for in all:
    a model that cannot keep to a form is seldom mended by being told so twice.

    Args:
        caller: Makes the calls.
        question: The question.
        payer: On whose account.
        clean: Takes out of each answer what nobody may see.
    """

    def __init__(
        self,
        caller: Caller,
        question: ChatRequest,
        payer: Payer,
        *,
        clean: Callable[[ChatAnswer], Awaitable[ChatAnswer]],
    ) -> None:
        self._caller = caller
        self._clean = clean
        self._question = question
        self._payer = payer
        self.usage: CallUsage = CallUsage()
        """What all models have taken so far."""

        self._is_estimated = False
        self._repaired = False

    async def ask(self, model: Model) -> ChatAnswer:
        """Get a whole answer from a model.

        Raises:
            CodeflowError: There is none; see `Caller.call` and `require_whole`.
        """
        answer = await self._in_form(model)
        return replace(answer, usage=self.usage, is_estimated=self._is_estimated)

    async def _in_form(self, model: Model) -> ChatAnswer:
        answer, misfit = await self._try(model, self._question)
        if misfit is not None and not self._repaired:
            self._repaired = True
            answer, misfit = await self._try(model, self._repair(answer, misfit))
        if misfit is not None:
            raise InvalidResponseError(
                f"{model.id} did not keep to the form of the answer: {misfit}",
                kind=_BAD_FORM,
                charged=True,
            )
        assert answer is not None  # noqa: S101 - without an answer there is a misfit
        return answer

    async def _try(
        self, model: Model, request: ChatRequest
    ) -> tuple[ChatAnswer | None, str | None]:
        """Give a whole answer, and what is wrong with its form."""
        try:
            answer = await self._whole(model, request)
        except InvalidResponseError as error:
            if error.kind != _BAD_FORM:
                raise
            return None, "it is not JSON of the form"
        schema = self._question.answer_schema
        if schema is None:
            return answer, None
        try:
            text = await asyncio.to_thread(checked, answer.text, schema)
        except MisfitError as misfit:
            return answer, str(misfit)
        return replace(answer, text=text), None

    async def _whole(self, model: Model, request: ChatRequest) -> ChatAnswer:
        """Let a model go on that pauses, and give it more room once where it was cut off."""
        answer = await self._call(model, request)
        said = answer.text
        for _ in range(_PAUSES):
            if answer.finish_reason is not FinishReason.PAUSED:
                break
            spoken = Message(role=Role.ASSISTANT, text=said)
            answer = await self._call(model, replace(request, messages=(*request.messages, spoken)))
            said += answer.text
            answer = replace(answer, text=said)
        roomier = self._roomier(model, request)
        if answer.finish_reason is FinishReason.LENGTH and roomier is not None:
            answer = await self._call(model, roomier)
        require_whole(answer, model.id)
        return answer

    def _roomier(self, model: Model, request: ChatRequest) -> ChatRequest | None:
        """Give the request with twice the room, where the model is known to have more."""
        most = model.facts().max_output or 0
        room = min(2 * request.max_output_tokens, most)
        if room <= request.max_output_tokens:
            return None
        return replace(request, max_output_tokens=room)

    async def _call(self, model: Model, request: ChatRequest) -> ChatAnswer:
        answer = await self._caller.call(model, request, self._payer)
        self.usage = self.usage.plus(answer.usage)
        self._is_estimated = self._is_estimated or answer.is_estimated
        return await self._clean(answer)

    def _repair(self, answer: ChatAnswer | None, misfit: str) -> ChatRequest:
        told = f"The answer cannot be used: {misfit}. Answer again, with the JSON alone."
        messages = [*self._question.messages]
        if answer is not None:
            messages.append(Message(role=Role.ASSISTANT, text=answer.text[:_QUOTED]))
        messages.append(Message(role=Role.USER, text=told))
        return replace(self._question, messages=tuple(messages))
