"""What is said to a model, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from codeflow_engine.domain.usage import CallUsage

__all__ = [
    "ChatAnswer",
    "ChatDelta",
    "ChatRequest",
    "FinishReason",
    "Message",
    "Preview",
    "Role",
    "Room",
]


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class FinishReason(StrEnum):
    """Why a model stopped. Only `STOP` is a whole answer."""

    STOP = "stop"
    LENGTH = "length"
    """It reached the limit of its output."""

    OVERFLOW = "overflow"
    """It reached the end of its context window."""

    REFUSED = "refused"
    """The model itself declined."""

    FILTERED = "filtered"
    """A filter of the provider took the answer, or a part of it, away."""

    PAUSED = "paused"
    """It asks to be sent its own words, and will go on."""

    TOOLS = "tools"
    """It wants tools to be called; none are ever offered."""

    UNKNOWN = "unknown"
    """A reason that the provider's interface does not list, or none at all: incomplete."""

    @property
    def is_complete(self) -> bool:
        """Whether the answer may be used as the model's whole answer."""
        return self is FinishReason.STOP


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One question to a model. Equal requests have equal answers in a cassette."""

    messages: tuple[Message, ...]
    max_output_tokens: int
    temperature: float | None = None
    """None leaves the provider's default."""

    answer_schema: Mapping[str, Any] | None = None
    """JSON Schema that the answer has to follow; None asks for free text."""

    prompt: str = ""
    """Name and version of the prompt that the messages were made from, such as `inspect/3`.
    It is not sent; the same words from another version are another question."""

    paths: tuple[str, ...] = ()
    """Files of the change whose content the messages show. They are not sent as such: the
    host's rules say which providers may see them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a provider says is left of its rate limits, in its answer's headers."""

    requests: int | None = None
    requests_reset: float | None = None
    """Seconds from now until `requests` is as large as it gets; at least 0."""

    tokens: int | None = None
    tokens_reset: float | None = None
    """Seconds from now until `tokens` is as large as it gets; at least 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAnswer:
    """A model's answer to one request."""

    text: str
    finish_reason: FinishReason
    model: str
    """The model that really answered, as the provider names it."""

    usage: CallUsage = field(default_factory=CallUsage)
    """Tokens as the provider counted them; the cost is filled in by the gateway."""

    is_estimated: bool = False
    """Whether `usage` is an estimate, since the provider did not count."""

    provider: str = ""
    """Which provider's interface gave it, such as `openai`."""

    response_id: str = ""
    """The provider's own id of the answer."""

    said_reason: str = ""
    """The provider's own word for why the model stopped."""

    run_id: str = ""
    """The run that has paid for it. Where another one has, it did cost this one nothing."""

    room: Room | None = field(default=None, compare=False)
    """What was left of the rate limits; it is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDelta:
    """A piece of a streamed answer; the last piece alone carries the answer."""

    text: str = ""
    answer: ChatAnswer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a question would send, to whom, and what it may cost."""

    models: tuple[str, ...]
    """Ids of the models that may be asked, in their order; the first one is asked first."""

    withheld: Mapping[str, str]
    """By the id of each other model, the first path that it may not see."""

    request: ChatRequest
    """The question as it would be sent: without secrets."""

    tokens: int
    """Tokens that it has, estimated on the high side."""

    most_usd: Decimal | None
    """US dollars that the first answer may cost at most; None where there is no price."""

    is_answered: bool
    """Whether there is an answer already, which costs nothing."""
