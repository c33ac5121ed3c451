"""Models on a tape: what is asked, and the whole answer.

A replay asks no provider, so that pauses, limits and outages of then, which depend on how long
everything took, have no say in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, override

from codeflow_engine.cassette.entry import Call
from codeflow_engine.cassette.tape import Tape
from codeflow_engine.contracts import LLM, ModelGateway
from codeflow_engine.domain.budget import Payer
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, Preview
from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.domain.model import ModelFacts, Trial
from codeflow_engine.errors import CassetteError

__all__ = ["Provider", "TapedModels", "replayed_llm"]

_ABOUT: Final = 3
"""Paths of a question that are told of it."""

_MARK: Final = re.compile(r"^(----- (?:end of )?change )[0-9a-f]{32}$", re.MULTILINE)
"""The mark of a fence, which is made of a key of the host: a replay has another one, or none."""


class TapedModels(ModelGateway):
    """The way to the models, with a tape in front of it.

    Args:
        tape: What goes through.
        models: The way itself. A replay asks it for what it knows without a provider.
    """

    def __init__(self, tape: Tape, models: ModelGateway) -> None:
        self._tape = tape
        self._models = models

    @property
    @override
    def names(self) -> tuple[str, ...]:
        return self._models.names

    @override
    def select(self, llm: Sequence[str] | None) -> ModelGateway:
        return TapedModels(self._tape, self._models.select(llm))

    @override
    def readers(self, paths: Sequence[str]) -> frozenset[str]:
        return self._models.readers(paths)

    @override
    async def facts(self) -> tuple[ModelFacts, ...]:
        return await self._models.facts()

    @override
    def count(self, text: str) -> int:
        return self._models.count(text)

    @override
    async def ask(self, request: ChatRequest, payer: Payer) -> ChatAnswer:
        answer: ChatAnswer = await self._tape.ask(
            self._call("ask", request), ChatAnswer, lambda: self._models.ask(request, payer)
        )
        return answer

    @override
    async def preview(self, request: ChatRequest) -> Preview:
        told: Preview = await self._tape.ask(
            self._call("preview", request), Preview, lambda: self._models.preview(request)
        )
        return told

    @override
    async def trials(self) -> tuple[Trial, ...]:
        call = Call(kind="llm", name=" ".join(self._models.names), method="trials")
        told: tuple[Trial, ...] = await self._tape.ask(call, tuple[Trial, ...], self._models.trials)
        return told

    def _call(self, method: str, request: ChatRequest) -> Call:
        more = len(request.paths) - _ABOUT
        paths = " ".join(request.paths[:_ABOUT]) + (f" and {more} more" if more > 0 else "")
        redactor = self._tape.redactor
        return Call(
            kind="llm",
            name=" ".join(self._models.names),
            method=method,
            about=redactor.redact(to_plain(f"{request.prompt} {paths}".strip())),
            asked=_without_marks(redactor.scrub(to_plain(request))),
        )


def _without_marks(asked: dict[str, Any]) -> dict[str, Any]:
    rows = [{**row, "text": _MARK.sub(r"\1*", row["text"])} for row in asked["messages"]]
    return {**asked, "messages": rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What an engine has to know of a provider that it does not ask."""

    named: str
    """Its class, which the host's rules may name."""

    model: str
    provider: str
    endpoint: str | None

    @classmethod
    def of(cls, llm: LLM) -> Self:
        """Look at a provider."""
        return cls(
            named=type(llm).__name__,
            model=llm.model,
            provider=llm.provider,
            endpoint=llm.endpoint,
        )


class _ReplayedLLM(LLM):
    """Has the name of a provider, and answers nothing: what was asked is on the cassette."""

    def __init__(self, told: Provider, path: str) -> None:
        self._told = told
        self._path = path

    @property
    @override
    def model(self) -> str:
        return self._told.model

    @property
    @override
    def provider(self) -> str:
        return self._told.provider

    @property
    @override
    def endpoint(self) -> str | None:
        return self._told.endpoint

    @override
    async def complete(self, request: ChatRequest) -> ChatAnswer:
        told = f"a replay asks no provider, and {self.model} was about to be"
        raise CassetteError(told, path=self._path)


def replayed_llm(told: Provider, path: str) -> LLM:
    """Make what stands for a provider in a replay."""
    made: LLM = type(told.named, (_ReplayedLLM,), {})(told, path)
    return made
