"""An LLM provider that answers by a script."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import ClassVar

from codeflow_engine.contracts.llm import LLM, LLMCapability
from codeflow_engine.domain.chat import ChatAnswer, ChatDelta, ChatRequest, FinishReason
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.testing.fakes.model import FakeModel, Said, Script

__all__ = ["FakeLLM"]

_PIECE = re.compile(r"\S+\s*|\s+")


class FakeLLM(LLM):
    """Answers as `FakeModel` does, in the place of a provider.

    ```python
    llm = FakeLLM("first", RateLimitError("slow down", retry_after=2), "third")
    async with AsyncEngine(llm=[llm]) as engine:
        ...
    assert len(llm.requests) == 3
    ```

    A text becomes a whole answer of this model, in which each word is a token; an answer
    that was given as a `ChatAnswer` comes as it is. A stream gives it word by word.

    Args:
        said: What is said, in the order of the requests, or one function, as in `FakeModel`.
        model: Its id.
        provider: Its provider.
        finish_reason: Why an answer that was given as a text has ended.
    """

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(LLMCapability)

    def __init__(
        self,
        *said: Said | Script,
        model: str = "fake",
        provider: str = "fake",
        finish_reason: FinishReason = FinishReason.STOP,
    ) -> None:
        self._script = FakeModel(*said, finish_reason=finish_reason)
        self._model = model
        self._provider = provider

    @property
    def model(self) -> str:
        """The id that it was given."""
        return self._model

    @property
    def provider(self) -> str:
        """The provider that it was given."""
        return self._provider

    @property
    def requests(self) -> list[ChatRequest]:
        """All requests so far, in the order in which they came."""
        return self._script.requests

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        """Answer, or raise what the script has for it.

        Raises:
            ConfigurationError: The script is at its end.
        """
        said = await self._script.say(request)
        if isinstance(said, ChatAnswer):
            return said
        return ChatAnswer(
            text=said,
            finish_reason=self._script.finish_reason,
            model=self._model,
            provider=self._provider,
            said_reason=self._script.finish_reason.value,
            usage=CallUsage(
                calls=1, input_tokens=_asked(request), output_tokens=len(_PIECE.findall(said))
            ),
        )

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Answer word by word; the last piece is the answer alone.

        Raises:
            ConfigurationError: The script is at its end.
        """
        answer = await self.complete(request)
        for piece in _PIECE.findall(answer.text):
            yield ChatDelta(text=piece)
        yield ChatDelta(answer=answer)

    async def count_tokens(self, request: ChatRequest) -> int:
        """Count words, as the usage of an answer does."""
        return _asked(request)

    async def list_models(self) -> tuple[str, ...]:
        """Name the one model."""
        return (self._model,)


def _asked(request: ChatRequest) -> int:
    return sum(len(_PIECE.findall(message.text)) for message in request.messages)
