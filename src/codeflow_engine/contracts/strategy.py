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
    """Those that the text shows, as part 1, part 2 and so on. One that is too long for a chunk
    stands in several, and is examined where all of them are."""

    text: str
    """The units as the model sees them, redacted and fenced as data."""

    instructions: str = ""
    """What a model has to be told: the engine's prompt, with the rules of the project as they
    are at the base revision. It is the same for all chunks, so that providers can cache it."""

    prompt: str = ""
    """Name and version of the prompt, for `ChatRequest.prompt`."""

    max_output_tokens: int = 4096
    """Room for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a strategy found in a chunk, and which of its units it examined."""

    findings: tuple[RawFinding, ...] = ()
    """What the models reported, in any order. Whether it is in the change is not for the
    strategy to check: the engine does, and counts what is not."""

    examined: tuple[Unit, ...] = ()
    """Units of the chunk that a model really looked at: its answer is whole, and all of it
    has the form that was asked for. Whatever else a model says is no clean result."""

    unusable: int = 0
    """How many more findings the answers held, in the form that was asked for, that are not among
    these: they say nothing, or there were too many. The engine counts them as dropped."""


class Strategy(Backend):
    """Decides what is asked, of whom and how often, for one chunk.

    It holds no state between chunks: the same chunk and the same answers give the same
    inspection. It reaches models through `ask` alone, so that every call is paid for,
    recorded and redacted, and asks a limited number of times, whatever it is answered; waiting
    and retrying after an error is the business of `ask`. Models see the change as the text
    of the chunk, and in no other form: where no question that holds it was answered, the engine
    takes no unit for examined.
    """

    @abstractmethod
    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        """Examine one chunk; a unit that is not in `examined` counts as failed.

        The call must not block the event loop, and its cancellation ends what it asks.

        Raises:
            ProviderError: No usable answer could be had; all units of the chunk fail.
        """
