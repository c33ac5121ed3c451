"""A shipped LLM provider, of which one thing is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from llm_lines import Shipped, offline
from mutation import struck

from codeflow_engine.contracts import LLM
from codeflow_engine.domain.chat import (
    ChatAnswer,
    ChatDelta,
    ChatRequest,
)
from codeflow_engine.errors import (
    ProviderError,
)

__all__ = ["Mutant", "broken"]


class Mutant(LLM):
    """A shipped provider, and what is changed of it."""

    def __init__(self, real: LLM) -> None:
        self.real = real
        self.capabilities = real.capabilities  # type: ignore[misc] # of the real one

    @property
    def model(self) -> str:
        return self.real.model

    @property
    def provider(self) -> str:
        return self.real.provider

    @property
    def endpoint(self) -> str | None:
        return self.real.endpoint

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.real.secrets

    def check(self) -> None:
        self.real.check()

    def asked(self, request: ChatRequest) -> ChatRequest:
        return request

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        return answer

    def failed(self, error: ProviderError) -> BaseException:
        return error

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        try:
            return self.changed(await self.real.complete(self.asked(request)))
        except ProviderError as error:
            if (changed := self.failed(error)) is error:
                raise
        raise changed

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        real: Any = self.real.stream(self.asked(request))
        try:
            async with aclosing(real):
                async for piece in real:
                    answer = piece.answer and self.changed(piece.answer)
                    yield replace(piece, answer=answer)
        except ProviderError as error:
            if (changed := self.failed(error)) is error:
                raise
        else:
            return
        raise changed

    async def count_tokens(self, request: ChatRequest) -> int | None:
        return await self.real.count_tokens(request)

    async def list_models(self) -> tuple[str, ...] | None:
        return await self.real.list_models()

    async def aclose(self) -> None:
        await self.real.aclose()


def broken(mutant: type[Mutant], *tests: str, vendor: str = "messages") -> type:
    """Make a test class of the tests that have to fail for a mutant of a vendor's provider."""

    def make(_: Path) -> LLM:
        return mutant(offline(vendor))

    suite: Any = type("Suite", (Shipped,), {"vendor": vendor, "wrap": staticmethod(mutant)})
    make.__name__ = mutant.__name__
    return struck(suite, make, *tests)
