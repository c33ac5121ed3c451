"""The contract of LLM providers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Protocol

from codeflow_engine.contracts.backend import Backend
from codeflow_engine.domain.budget import Payer
from codeflow_engine.domain.chat import ChatAnswer, ChatDelta, ChatRequest, Preview
from codeflow_engine.domain.model import ModelFacts, Trial

__all__ = ["LLM", "LLMCapability", "ModelGateway"]


class LLMCapability(StrEnum):
    """What a provider can do beyond one whole answer."""

    STREAMS = "streams"
    """`stream` yields pieces while the model speaks."""

    ANSWER_SCHEMA = "answer-schema"
    """It holds the model to `ChatRequest.answer_schema`; the caller validates all the same."""

    COUNTS_TOKENS = "counts-tokens"
    """`count_tokens` tells what a request costs before it is sent."""

    LISTS_MODELS = "lists-models"
    """`list_models` tells what is on offer."""


class LLM(Backend):
    """One model of one provider.

    A call is made once: retries, limits, budgets and caches belong to the gateway above, and
    whatever an SDK retries by itself is switched off. Every failure is one of the errors of
    `ProviderError`, with `retry_after` where the provider gave it, a `kind` of few, and
    `charged` where it may cost money all the same. No message holds a key or text of a prompt.
    Cancelling a call closes its connection.

    A constructor imports no SDK: that takes up to 1.6 s. The first call imports it in a worker
    thread.
    """

    @property
    @abstractmethod
    def model(self) -> str:
        """Id of the model, as the provider takes it."""

    @property
    @abstractmethod
    def provider(self) -> str:
        """Which interface it is asked through: `gen_ai.provider.name` of spans."""

    @property
    def endpoint(self) -> str | None:
        """URL that calls go to, without credentials, or None where there is none."""
        return None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Keys that it uses now; the engine shows them nowhere. It is read before each call.

        One shorter than 8 characters, such as `x`, is not looked for: no text would be left.
        """
        return ()

    def check(self) -> None:
        """Say what is missing for a call, without I/O.

        Raises:
            ConfigurationError: There is no key; the message names the variable and the setting.
            MissingDependencyError: The SDK is not installed.
        """

    @abstractmethod
    async def complete(self, request: ChatRequest) -> ChatAnswer:
        """Ask once and return what came back, with the true finish reason.

        A truncated or refused answer is returned with its reason, not raised: what to do
        about it is the gateway's decision. An answer without counts has estimated ones, and
        says so. What the answer holds beyond the known fields is passed over.

        Raises:
            ProviderError: There is no answer.
        """

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Ask once and yield pieces; the last one carries the whole answer.

        A stream that ends without a finish reason yields `FinishReason.UNKNOWN`. A provider
        without `STREAMS` gives its answer in one piece.

        Raises:
            ProviderError: There is no answer, or the stream broke.
        """
        answer = await self.complete(request)
        yield ChatDelta(text=answer.text, answer=answer)

    async def count_tokens(self, request: ChatRequest) -> int | None:
        """Count the input tokens of a request, or None without `COUNTS_TOKENS`.

        Raises:
            ProviderError: The provider could not count.
        """
        return None

    async def list_models(self) -> tuple[str, ...] | None:
        """List ids of the models on offer, sorted, or None without `LISTS_MODELS`.

        Raises:
            ProviderError: The provider could not list.
        """
        return None


class ModelGateway(Protocol):
    """The one way to the models of an engine, as workflows see it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of the models that it asks, in their order; none where none is configured."""

    def select(self, llm: Sequence[str] | None) -> ModelGateway:
        """Give the way to some models, in the order in which they are named.

        Args:
            llm: Their ids, also of those that the engine was not configured with; None gives
                the engine's own.

        Raises:
            ConfigurationError: One cannot be asked, such as for want of a key.
            UnknownBackendError: Nobody offers such models.
        """

    def readers(self, paths: Sequence[str]) -> frozenset[str]:
        """Give the ids of the models that may see files, by the host's rules."""

    async def facts(self) -> tuple[ModelFacts, ...]:
        """Tell what is known of each of the models, in their order."""

    def count(self, text: str) -> int:
        """Estimate on the high side how many tokens a text has for the first of the models."""

    async def ask(self, request: ChatRequest, payer: Payer) -> ChatAnswer:
        """Get a whole answer that follows its form, and keep it.

        Args:
            request: The question.
            payer: On whose account it is asked.

        Raises:
            ConfigurationError: No model is configured, or one without key, SDK or price.
            DisclosureError: No model may see the paths of the question.
            BudgetExhaustedError: It could cost more than a budget has left.
            ProviderError: No model gave an answer; `retry_after` says when one may.
        """

    async def preview(self, request: ChatRequest) -> Preview:
        """Say what asking would send, to whom, and what it may cost; nothing is sent.

        Raises:
            ConfigurationError: No model is configured.
        """

    async def trials(self) -> tuple[Trial, ...]:
        """Ask each model something short, which costs a fraction of a cent, and tell of it."""
