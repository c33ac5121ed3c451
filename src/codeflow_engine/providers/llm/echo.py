"""The provider that answers without a model: for docs, tests and trials."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from codeflow_engine.contracts.llm import LLM, LLMCapability
from codeflow_engine.domain.chat import ChatAnswer, ChatDelta, ChatRequest, FinishReason, Role
from codeflow_engine.domain.usage import CallUsage

__all__ = ["Echo", "EchoSettings"]

_TOKEN: Final = 3
"""Characters of a token, as this provider counts."""

_PIECE: Final = 4
"""Tokens of a piece of a stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoSettings:
    """What it says."""

    says: tuple[str, ...] = ()
    """Said in place of the last message, as `Echo` tells."""


class Echo(LLM):
    """Answer any question by a rule, without a key and without a network.

    Equal questions have equal answers, in any order and from any number of runs at once:

    1. With `says`, the answer is the one of them that stands at the number of the
       assistant's turns so far: the first to a new question, the second to the turn after
       it, and the last one from there on. A schema changes nothing about that.
    2. With an `answer_schema` it is the smallest JSON that the schema allows.
    3. Else it is the text of the last message of the user, or nothing without one.

    A token is 3 characters, or what is left of them at the end of a text; each message is
    counted by itself. An answer of more than `max_output_tokens` is cut there, and ends with
    `FinishReason.LENGTH`.

    Args:
        model: Any name; answers carry it.
        settings: What it says.
    """

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(LLMCapability)

    def __init__(self, model: str = "echo", settings: EchoSettings | None = None) -> None:
        self._model = model
        self._says = (settings or EchoSettings()).says

    @property
    def model(self) -> str:
        """The name that it was given."""
        return self._model

    @property
    def provider(self) -> str:
        """It is no interface but this one."""
        return "echo"

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        """Answer by the rule.

        Raises:
            ConfigurationError: No value was found that fits the schema.
        """
        whole = await self._text(request)
        text = whole[: request.max_output_tokens * _TOKEN]
        reason = FinishReason.STOP if text == whole else FinishReason.LENGTH
        return ChatAnswer(
            text=text,
            finish_reason=reason,
            model=self._model,
            usage=CallUsage(calls=1, input_tokens=_tokens_of(request), output_tokens=_tokens(text)),
            provider=self.provider,
            said_reason=reason.value,
        )

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Answer by the rule, four tokens at a time; the last piece carries the answer alone.

        Raises:
            ConfigurationError: No value was found that fits the schema.
        """
        answer = await self.complete(request)
        size = _TOKEN * _PIECE
        for start in range(0, len(answer.text), size):
            yield ChatDelta(text=answer.text[start : start + size])
            await asyncio.sleep(0)
        yield ChatDelta(answer=answer)

    async def count_tokens(self, request: ChatRequest) -> int:
        """Count as the usage of the answer will."""
        return _tokens_of(request)

    async def list_models(self) -> tuple[str, ...]:
        """Name the one model."""
        return (self._model,)

    async def _text(self, request: ChatRequest) -> str:
        if self._says:
            turn = sum(message.role is Role.ASSISTANT for message in request.messages)
            return self._says[min(turn, len(self._says) - 1)]
        if request.answer_schema is not None:
            from codeflow_engine.providers.llm.smallest import smallest_json

            # In a thread: the import of jsonschema and the search for a value take a while.
            return await asyncio.to_thread(smallest_json, request.answer_schema)
        told = [message.text for message in request.messages if message.role is Role.USER]
        return told[-1] if told else ""


def _tokens(text: str) -> int:
    return -(-len(text) // _TOKEN)


def _tokens_of(request: ChatRequest) -> int:
    return sum(_tokens(message.text) for message in request.messages)
