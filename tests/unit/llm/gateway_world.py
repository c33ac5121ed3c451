"""Models by a script, and an engine's gateway over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from codeflow_engine import AsyncEngine, Budget
from codeflow_engine.contracts import LLM, ModelGateway
from codeflow_engine.domain.budget import Payer
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason, Message, Role
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.errors import CodeflowError
from codeflow_engine.pace import Clock

type Said = ChatAnswer | BaseException | str

PAYER = Payer(run_id="run-1", change="acme/shop#1", repository="acme/shop")


class Scripted(LLM):
    """Says what it was given, in order; the last of it again and again."""

    def __init__(
        self, model: str, *said: Said | Callable[[ChatRequest], Said], provider: str = "acme"
    ) -> None:
        self._model, self._provider = model, provider
        self._said = list(said)
        self.requests: list[ChatRequest] = []
        self.keys: tuple[str, ...] = ()
        self.closed = 0

    @property
    def model(self) -> str:
        return self._model

    @property
    def provider(self) -> str:
        return self._provider

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.keys

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        self.requests.append(request)
        said = self._said.pop(0) if len(self._said) > 1 else self._said[0]
        if callable(said) and not isinstance(said, BaseException):
            said = said(request)
        if isinstance(said, BaseException):
            raise said
        return said if isinstance(said, ChatAnswer) else whole(said, self._model)

    async def aclose(self) -> None:
        self.closed += 1


class Patient(Clock):
    """Lets time pass at once, and knows how much."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._ahead += seconds


def whole(text: str, model: str = "m", **usage: int) -> ChatAnswer:
    counts = {"input_tokens": 10, "output_tokens": 5, **usage}
    return ChatAnswer(
        text=text,
        finish_reason=FinishReason.STOP,
        model=model,
        usage=CallUsage(calls=1, **counts),
        provider="acme",
    )


def cut(reason: FinishReason, text: str = "half of it") -> ChatAnswer:
    return replace(whole(text), finish_reason=reason)


def question(text: str = "What is wrong?", **fields: Any) -> ChatRequest:
    messages = (
        Message(role=Role.SYSTEM, text="You review code."),
        Message(role=Role.USER, text=text),
    )
    return ChatRequest(**{"messages": messages, "max_output_tokens": 100, **fields})


def engine_of(
    llms: Iterable[LLM],
    *,
    clock: Clock | None = None,
    budget: Budget | dict[str, Budget] | None = None,
    **options: Any,
) -> AsyncEngine:
    """Make an engine with these models; time passes at once."""
    return AsyncEngine(llm=list(llms), clock=clock or Patient(), budget=budget, **options)


def gateway_of(engine: AsyncEngine) -> ModelGateway:
    """Give its way to the models."""
    models = engine._tools.models
    assert models is not None
    return models


def sent(model: Scripted) -> Sequence[str]:
    """Give the last message of each request that a model got."""
    return [request.messages[-1].text for request in model.requests]


async def failure(gateway: ModelGateway, text: str) -> CodeflowError | None:
    """Ask, and give what it failed with."""
    try:
        await gateway.ask(question(text), PAYER)
    except CodeflowError as error:
        return error
    return None
