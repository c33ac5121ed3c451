"""LLM providers whose answers and errors are wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace

from broken_llm import Mutant

from codeflow_engine.contracts import LLM
from codeflow_engine.domain.chat import (
    ChatAnswer,
    ChatDelta,
    ChatRequest,
    FinishReason,
    Message,
    Role,
)
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.errors import (
    ConfigurationError,
    InvalidResponseError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RefusedError,
)


class Anonymous(Mutant):
    """Does not say whose answer it is."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        return replace(answer, provider="")


class Loose(Mutant):
    """Takes an enum for the text that it looks like."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        return replace(answer, said_reason=answer.finish_reason)


class Trimming(Mutant):
    """Cleans up what the model says."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        return replace(answer, text=answer.text.strip())


class Miscounting(Mutant):
    """Takes the output for free."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        return replace(answer, usage=replace(answer.usage, output_tokens=0))


class Free(Mutant):
    """Takes what was not counted for nothing."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        usage = CallUsage(calls=1) if answer.is_estimated else answer.usage
        return replace(answer, usage=usage, is_estimated=False)


class Repeating(Mutant):
    """Says all of it again with the last piece."""

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        async for piece in super().stream(request):
            answer = piece.answer
            yield piece if answer is None else replace(piece, text=piece.text + answer.text)


class Premature(Mutant):
    """Has an answer with each piece."""

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        said = ""
        async for piece in super().stream(request):
            said += piece.text
            so_far = ChatAnswer(
                text=said,
                finish_reason=FinishReason.UNKNOWN,
                model=self.model,
                provider=self.provider,
            )
            yield replace(piece, answer=piece.answer or so_far)


class Collecting(Mutant):
    """Says that it streams, and waits for the end."""

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        answer = await self.complete(request)
        yield ChatDelta(text=answer.text, answer=answer)


class Modest(Mutant):
    """Does not say what it can, and does it all the same."""

    def __init__(self, real: LLM) -> None:
        super().__init__(real)
        self.capabilities = frozenset()  # type: ignore[misc] # of this one

    async def count_tokens(self, request: ChatRequest) -> int | None:
        return 0

    async def list_models(self) -> tuple[str, ...] | None:
        return ()


class Shortening(Mutant):
    """Leaves out what the model has said before."""

    def asked(self, request: ChatRequest) -> ChatRequest:
        kept = tuple(one for one in request.messages if one.role is not Role.ASSISTANT)
        return replace(request, messages=kept)


class Generous(Mutant):
    """Lets answers be as long as they like."""

    def asked(self, request: ChatRequest) -> ChatRequest:
        return replace(request, max_output_tokens=100_000)


class Telling(Mutant):
    """Tells the model what the engine keeps for itself."""

    def asked(self, request: ChatRequest) -> ChatRequest:
        more = Message(role=Role.USER, text=f"{request.prompt} {request.paths}")
        return replace(request, messages=(*request.messages, more))


class Formless(Mutant):
    """Says that it sends schemas."""

    def asked(self, request: ChatRequest) -> ChatRequest:
        return replace(request, answer_schema=None)


class Strict(Mutant):
    """Takes no schema."""

    def asked(self, request: ChatRequest) -> ChatRequest:
        if request.answer_schema is not None:
            raise ConfigurationError("this model takes no schema")
        return request


class Counting(Mutant):
    """Counts questions and not words."""

    async def count_tokens(self, request: ChatRequest) -> int | None:
        return len(request.messages)


class Unsorted(Mutant):
    """Lists models as they come."""

    async def list_models(self) -> tuple[str, ...] | None:
        return tuple(reversed(await super().list_models() or ()))


class Hasty(Mutant):
    """Does not look why a model has stopped."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        return replace(answer, finish_reason=FinishReason.STOP)


class Raising(Mutant):
    """Raises what is to be returned."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        if answer.finish_reason is not FinishReason.STOP:
            raise RefusedError("no whole answer")
        return answer


class Patching(Mutant):
    """Makes an answer of what had come when the connection broke."""

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        said = ""
        try:
            async for piece in super().stream(request):
                said += piece.text
                yield piece
        except ProviderUnavailableError:
            yield ChatDelta(
                answer=ChatAnswer(text=said, finish_reason=FinishReason.UNKNOWN, model=self.model)
            )


class Thrifty(Mutant):
    """Believes that what breaks costs nothing."""

    def failed(self, error: ProviderError) -> BaseException:
        return type(error)(error.message, kind=error.kind)


class Coarse(Mutant):
    """Knows one error."""

    def failed(self, error: ProviderError) -> BaseException:
        return ProviderUnavailableError(error.message, retry_after=error.retry_after)


class Wordy(Mutant):
    """Has a kind of error for each moment."""

    def failed(self, error: ProviderError) -> BaseException:
        error.kind = f"failed at {time.time()}"
        return error


class Hurried(Mutant):
    """Loses how long it was asked to wait."""

    def failed(self, error: ProviderError) -> BaseException:
        return type(error)(error.message)


class Retrying(Mutant):
    """Tries again on its own."""

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        try:
            return await super().complete(request)
        except ProviderError:
            return await super().complete(request)


class Resentful(Mutant):
    """Asks no more after an error."""

    error: ProviderError | None = None

    def asked(self, request: ChatRequest) -> ChatRequest:
        if self.error is not None:
            raise self.error
        return request

    def failed(self, error: ProviderError) -> BaseException:
        self.error = error
        return error


class Gullible(Mutant):
    """Takes what it cannot read for an empty answer."""

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        try:
            return await super().complete(request)
        except InvalidResponseError:
            return ChatAnswer(text="", finish_reason=FinishReason.STOP, model=self.model)


class Endless(Mutant):
    """Calls silence an outage."""

    def failed(self, error: ProviderError) -> BaseException:
        if isinstance(error, ProviderTimeoutError):
            return ProviderUnavailableError(error.message, charged=True)
        return error


class Keeping(Mutant):
    """Keeps with its errors what no other process can have."""

    def failed(self, error: ProviderError) -> BaseException:
        error.response = threading.Lock()  # type: ignore[attr-defined]
        return error
