"""LLM providers that show, hold up or share what they should not."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import logging
import time
from typing import ClassVar

from broken_llm import Mutant

from codeflow_engine.contracts import LLM
from codeflow_engine.domain.chat import (
    ChatAnswer,
    ChatRequest,
    FinishReason,
)
from codeflow_engine.errors import (
    ConfigurationError,
    ProviderError,
    ProviderUnavailableError,
)

LOGGER = logging.getLogger("contract.mutant")


class Changing(Mutant):
    """Is another model for each who asks."""

    numbers = itertools.count()

    @property
    def model(self) -> str:
        return f"{self.real.model}-{next(self.numbers)}"


class Showing(Mutant):
    """Shows all that it is made of."""

    def __repr__(self) -> str:
        return f"Showing({self.secrets})"


class Embedding(Mutant):
    """Has its credentials in its URL."""

    @property
    def endpoint(self) -> str | None:
        return "https://user:password@models.example.org/v1"


class Hiding(Mutant):
    """Does not say where it calls."""

    @property
    def endpoint(self) -> str | None:
        return None


class Secretive(Mutant):
    """Does not name its key."""

    @property
    def secrets(self) -> tuple[str, ...]:
        return ()


class Importing(Mutant):
    """Loads its SDK as soon as it is made."""

    def __init__(self, real: LLM) -> None:
        super().__init__(real)
        importlib.import_module("anthropic")


class Vague(Mutant):
    """Says that something is missing, and not what."""

    def check(self) -> None:
        try:
            super().check()
        except ConfigurationError:
            raise ConfigurationError("there is no key") from None


class Careless(Mutant):
    """Sees what is missing when it is asked."""

    def check(self) -> None: ...


class Anxious(Mutant):
    """Finds that something is missing always."""

    def check(self) -> None:
        raise ConfigurationError("set ACME_API_KEY")


class Quoting(Mutant):
    """Says what it was asked when it fails."""

    last = ""

    def asked(self, request: ChatRequest) -> ChatRequest:
        self.last = request.messages[-1].text
        return request

    def failed(self, error: ProviderError) -> BaseException:
        return type(error)(f"{error.message}: {self.last}")


class Chaining(Mutant):
    """Says which key it was in an error under its own."""

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        try:
            return await self.real.complete(request)
        except ProviderError as error:
            cause = ValueError(f"Authorization: Bearer {self.secrets[0]}")
            raise type(error)(error.message) from cause


class Logging(Mutant):
    """Writes what it asks to a log."""

    def asked(self, request: ChatRequest) -> ChatRequest:
        LOGGER.info("asking %s", request.messages)
        return request


class Shielded(Mutant):
    """Lets a call go on that nobody waits for."""

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        return await asyncio.shield(asyncio.ensure_future(super().complete(request)))


class Deaf(Mutant):
    """Has an answer for who does not want one any more."""

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        try:
            return await super().complete(request)
        except asyncio.CancelledError:
            return ChatAnswer(text="", finish_reason=FinishReason.UNKNOWN, model=self.model)


class Lingering(Mutant):
    """Takes its time to say goodbye."""

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        try:
            return await super().complete(request)
        finally:
            await asyncio.sleep(0.15)


class Sharing(Mutant):
    """Keeps the question that it is at in an attribute, and comes back to another one."""

    request: ChatRequest

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        self.request = request
        await asyncio.sleep(0.01)
        return await super().complete(self.request)


class Global(Mutant):
    """Closes what all of its kind share."""

    closed: ClassVar[bool] = False

    def asked(self, request: ChatRequest) -> ChatRequest:
        if Global.closed:
            raise ProviderUnavailableError("the client is closed")
        return request

    async def aclose(self) -> None:
        Global.closed = True
        await super().aclose()


class Blocking(Mutant):
    """Takes its time with what it was answered."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        time.sleep(0.7)
        return answer
