"""What a wire is: how one vendor's servers speak, in the words that tests need."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from codeflow_engine.contracts.llm import LLM
from codeflow_engine.domain.chat import ChatRequest, FinishReason, Message, Role
from fault_server import sse

__all__ = ["KEY", "PROMPT", "REQUEST", "USAGE", "Event", "Told", "Wire"]

KEY = "sk-canary-51c8e0d7a94b"
"""The key that all providers here are given: nothing that people see may hold it."""

PROMPT = "canary-prompt: the launch codes are in vault nine"
"""What all models here are asked: no error may hold it."""

REQUEST = ChatRequest(
    messages=(
        Message(role=Role.SYSTEM, text="canary-system: you review with care"),
        Message(role=Role.USER, text=PROMPT),
    ),
    max_output_tokens=256,
)

type Event = str | tuple[str, str]
"""An event of a stream: its data, with its name where the wire has names."""

type Told = tuple[int, bytes]
"""A status and the body of an error."""

USAGE = (11, 7)
"""Tokens of a good answer: sent and received."""


class Wire(ABC):
    """How one vendor's servers speak."""

    name: ClassVar[str]
    model: ClassVar[str]
    path: ClassVar[str]
    """Where calls go, under `url`."""

    prefix: ClassVar[str] = "/v1"
    """What `base_url` has after the host."""

    key_variable: ClassVar[str]
    reasons: ClassVar[Mapping[FinishReason, str]]
    """The vendor's word for each reason to stop that it has a word for."""

    @abstractmethod
    def make(self, **arguments: Any) -> LLM:
        """Make our provider; the arguments are those of its constructor, less the model."""

    @abstractmethod
    def settings(self, **values: Any) -> Any:
        """Make the provider's settings."""

    def provider(
        self, url: str, *, key: str | Callable[[], str] | None = KEY, **settings: Any
    ) -> LLM:
        """Make our provider for the server at a URL, which has no path.

        Args:
            url: Of the server.
            key: Or what gives the current one.
            **settings: Those of `LLMSettings`, and the vendor's own.
        """
        values = {"timeout": 10.0, **settings}
        return self.make(settings=self.settings(**values), api_key=key, base_url=url + self.prefix)

    @asynccontextmanager
    async def connect(self, url: str, **arguments: Any) -> AsyncIterator[LLM]:
        """Give our provider as `provider` makes it, and close it after the block."""
        provider = self.provider(url, **arguments)
        try:
            yield provider
        finally:
            await provider.aclose()

    @abstractmethod
    def document(
        self,
        text: str | None,
        *,
        finish: str | None = None,
        usage: tuple[int, int] | None = USAGE,
        model: str | None = None,
    ) -> dict[str, Any]:
        """Give a whole answer, to be spoilt by whoever wants.

        Args:
            text: The model's words, or None where it has none.
            finish: The vendor's word for why it stopped; None is the word for a good end.
            usage: Tokens sent and received, or None where the server does not count.
            model: Which model answered, where it is another one.
        """

    def answer(self, text: str = "Looks good.", **arguments: Any) -> bytes:
        """Give the body of a whole answer; the arguments are those of `document`."""
        return json.dumps(self.document(text, **arguments)).encode()

    @abstractmethod
    def events(
        self,
        *pieces: str,
        finish: str | None = None,
        usage: tuple[int, int] | None = USAGE,
    ) -> list[Event]:
        """Give the events of a good stream; each piece of text is one of them."""

    def stream(self, *pieces: str, **arguments: Any) -> tuple[bytes, ...]:
        """Give a good stream, one event a piece."""
        return sse(*self.events(*pieces, **arguments))

    @abstractmethod
    def last(self, events: list[Event]) -> int:
        """Say at which event the answer ends: without it and what follows, it is cut."""

    @abstractmethod
    def error(self, *, kind: str, code: str | None = None, message: str = "No.") -> dict[str, Any]:
        """Give an error in the vendor's form, from its own words."""

    def told(self, status: int, **words: Any) -> Told:
        """Give a status and the body of an error."""
        return status, json.dumps(self.error(**words)).encode()

    def status(self, status: int, message: str = "No.") -> Told:
        """Give an error with the words that the vendor uses for a status."""
        return self.told(status, kind=self.kind_of(status), message=message)

    def kind_of(self, status: int) -> str:
        """Give the `type` that the vendor's errors of a status have."""
        known = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
        return known.get(status, "invalid_request_error" if status < 500 else "server_error")

    @property
    @abstractmethod
    def quota(self) -> list[Told]:
        """The ways in which the vendor says that there is no money left."""

    @property
    @abstractmethod
    def overflow(self) -> list[Told]:
        """The ways in which the vendor says that the prompt is too long."""

    @property
    @abstractmethod
    def no_model(self) -> list[Told]:
        """The ways in which the vendor says that it has no such model."""

    @property
    @abstractmethod
    def overloaded(self) -> Event:
        """The event of a stream with which the vendor says that it is overloaded."""

    @property
    @abstractmethod
    def limited(self) -> Event:
        """The event of a stream with which the vendor says that there are too many requests."""

    def declined(self) -> list[tuple[FinishReason, dict[str, Any]]]:
        """Give the answers with which the model or a filter declines, and what they are."""
        wanted = (FinishReason.FILTERED, FinishReason.REFUSED)
        return [
            (reason, self.document("", finish=self.reasons[reason]))
            for reason in wanted
            if reason in self.reasons
        ]

    @abstractmethod
    def with_tools(self, calls: list[tuple[str, str, str]]) -> dict[str, Any]:
        """Give an answer that calls tools, each by its id, name and arguments."""

    @abstractmethod
    def empty(self) -> list[dict[str, Any]]:
        """Give the answers that hold nothing, though the status is 200."""
