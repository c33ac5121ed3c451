"""What is said to a model, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from codeflow_engine.domain.usage import Usage

__all__ = ["ChatAnswer", "ChatDelta", "ChatRequest", "FinishReason", "Message", "Role"]


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class FinishReason(StrEnum):
    """Why a model stopped. Only `STOP` is a whole answer."""

    STOP = "stop"
    LENGTH = "length"
    REFUSED = "refused"
    FILTERED = "filtered"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAnswer:
    """A model's answer to one request."""

    text: str
    finish_reason: FinishReason
    model: str
    """The model that really answered, as the provider names it."""

    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDelta:
    """A piece of a streamed answer; the last piece alone carries the answer."""

    text: str = ""
    answer: ChatAnswer | None = None
