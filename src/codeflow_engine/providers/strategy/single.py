"""The strategy `single`: one question about each chunk."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final, override

from codeflow_engine.contracts.strategy import Ask, Chunk, Inspection, Strategy
from codeflow_engine.domain.chat import ChatRequest, Message, Role
from codeflow_engine.errors import ConfigurationError, TruncatedAnswerError
from codeflow_engine.providers.strategy.form import FORM
from codeflow_engine.providers.strategy.reading import read

__all__ = ["Single", "SingleSettings"]

_HOTTEST: Final = 2.0
_MOST_FINDINGS: Final = 1000
_SMALL: Final = 50_000
"""Characters that are read in 5 ms; the event loop has something else to do with more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleSettings:
    """Settings of the strategy `single`."""

    temperature: float | None = None
    """How freely the model speaks, from 0 to 2; None leaves it to the provider, and some
    models take no other value."""

    max_findings: int = 100
    """Findings of one chunk that are used, the worst ones; the others are counted."""

    def __post_init__(self) -> None:
        if self.temperature is not None and not 0 <= self.temperature <= _HOTTEST:
            raise ConfigurationError(
                f"SingleSettings.temperature must be from 0 to {_HOTTEST:g}, "
                f"not {self.temperature!r}"
            )
        if not 1 <= self.max_findings <= _MOST_FINDINGS:
            raise ConfigurationError(
                f"SingleSettings.max_findings must be from 1 to {_MOST_FINDINGS}, "
                f"not {self.max_findings!r}"
            )


_DEFAULT: Final = SingleSettings()


class Single(Strategy):
    """Shows a model the whole chunk, once, and asks for findings and for what it has read.

    Args:
        settings: How it asks.
    """

    def __init__(self, settings: SingleSettings = _DEFAULT) -> None:
        self._settings = settings

    @override
    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        """Ask once; a unit is examined where the model names all of its parts as read.

        Raises:
            ProviderError: There was no answer, or none that is whole and in form.
        """
        answer = await ask(self._question(chunk))
        if not answer.finish_reason.is_complete:
            raise TruncatedAnswerError(
                f"the answer is not whole: it ended with {answer.finish_reason.value!r}"
            )
        reading = partial(read, answer.text, chunk.units, most=self._settings.max_findings)
        return reading() if len(answer.text) <= _SMALL else await asyncio.to_thread(reading)

    def _question(self, chunk: Chunk) -> ChatRequest:
        told = [Message(role=Role.USER, text=chunk.text)]
        if chunk.instructions:
            told.insert(0, Message(role=Role.SYSTEM, text=chunk.instructions))
        return ChatRequest(
            messages=tuple(told),
            max_output_tokens=chunk.max_output_tokens,
            temperature=self._settings.temperature,
            answer_schema=FORM,
            prompt=chunk.prompt,
        )
