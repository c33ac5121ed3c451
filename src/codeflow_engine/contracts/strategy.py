"""The contract of strategies: how models are asked about a chunk of a change."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from codeflow_engine.contracts.backend import Backend
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.finding import RawFinding

__all__ = ["Ask", "Chunk", "Inspection", "Strategy"]

type Ask = Callable[[ChatRequest], Awaitable[ChatAnswer]]
"""Asks a model through the gateway: budget, redaction, retries and records are applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Units that are shown to a model together."""

    key: str
    """Digest of the content: equal for the same chunk in any run."""

    units: tuple[Unit, ...]
    text: str
    """The units as the model sees them, redacted and fenced as data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a strategy found in a chunk, and which of its units it examined."""

    findings: tuple[RawFinding, ...] = ()
    examined: tuple[Unit, ...] = ()


class Strategy(Backend):
    """Decides what is asked, of whom and how often, for one chunk.

    It holds no state between chunks. It reaches models through `ask` alone, so that every
    call is paid for, recorded and redacted.
    """

    @abstractmethod
    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        """Examine one chunk; a unit that is not in `examined` counts as failed.

        Raises:
            ProviderError: No usable answer could be had; all units of the chunk fail.
        """
