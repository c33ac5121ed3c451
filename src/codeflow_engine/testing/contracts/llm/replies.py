"""What the other end of a provider's line replies in a test, and who spells it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from codeflow_engine.contracts import LLM

__all__ = ["Reply", "ReplyKind", "Wire"]

_PIECE = 6
"""Characters of a piece of a stream at least; small, so that an answer has several."""

_PIECES = 20
"""Pieces of a stream at most, or one more."""


class ReplyKind(StrEnum):
    """What a provider's backend can do with a request."""

    ANSWER = "answer"
    """It says the whole of `Reply.text`, and why it stopped."""

    ECHO = "echo"
    """It says the text of the last message of the request, and why it stopped."""

    CUT = "cut"
    """It says `Reply.text`, and that the limit of the output is reached."""

    REFUSED = "refused"
    """The model declines; `Reply.text` is what it says to that."""

    FILTERED = "filtered"
    """It says `Reply.text`, and that a filter took the rest away."""

    ODD_REASON = "odd-reason"
    """It says `Reply.text`, and that it stopped for a reason that nobody has heard of."""

    UNFINISHED = "unfinished"
    """It says `Reply.text` and ends in good order, without a reason."""

    BROKEN_OFF = "broken-off"
    """It says a part of `Reply.text`, and the connection breaks."""

    SILENT = "silent"
    """It takes the request and says nothing, for as long as anybody waits."""

    GARBAGE = "garbage"
    """It says well done, and what comes is no answer, such as a proxy's page of HTML."""

    RATE_LIMITED = "rate-limited"
    """Too many requests; `Reply.retry_after` is how long to wait."""

    NO_QUOTA = "no-quota"
    """The account has no money left."""

    UNAUTHORIZED = "unauthorized"
    """The key is not accepted."""

    OVERLOADED = "overloaded"
    """It can take no requests now; `Reply.retry_after` is how long to wait."""

    NO_MODEL = "no-model"
    """There is no such model."""

    TOO_LONG = "too-long"
    """The prompt does not fit the model."""

    BAD_REQUEST = "bad-request"
    """It does not take the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply of the other end."""

    kind: ReplyKind = ReplyKind.ANSWER
    text: str = ""
    """What the model says; of an error, the backend's own words, which may quote anything."""

    retry_after: float | None = None
    """Seconds that an error asks to wait; None where it does not say."""

    input_tokens: int | None = 11
    """What it counts; None where it counts nothing."""

    output_tokens: int | None = 7

    @property
    def pieces(self) -> tuple[str, ...]:
        """The text as a stream may bring it."""
        size = max(_PIECE, len(self.text) // _PIECES)
        return tuple(self.text[at : at + size] for at in range(0, len(self.text), size))


class Wire(ABC):
    """Stands at the other end of a provider's line, and replies as a test wants it.

    A provider that is asked over HTTP is easier served by `HTTPWire`.
    """

    key: ClassVar[str | None] = "sk-contract-0123456789abcdef"
    """The key that the provider is made with; None where it takes none."""

    speaks: ClassVar[frozenset[ReplyKind]] = frozenset(ReplyKind)
    """What the provider's interface can express; the tests of the rest are skipped."""

    def __init__(self) -> None:
        self.received: list[str] = []
        """Each request that has come in, as text, with all that it holds."""

    @abstractmethod
    def connect(self, *replies: Reply) -> AbstractAsyncContextManager[LLM]:
        """Make the provider, with a backend that gives these replies, and close both after.

        Where the first of them is `SILENT`, it is to give up within a second or two.

        Args:
            replies: To the requests, in the order in which they come; the last one is given
                again and again.
        """

    async def has_hung_up(self) -> bool | None:
        """Say whether the provider has closed the connection of its last request.

        Returns:
            None where that cannot be known, which leaves out a part of a test.
        """
        return None
