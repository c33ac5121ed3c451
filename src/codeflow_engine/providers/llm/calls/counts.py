"""Tokens: what a server counted, or a high guess where it did not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from codeflow_engine.domain.chat import ChatRequest
from codeflow_engine.domain.usage import CallUsage

__all__ = ["Counts", "read_count"]

_LARGEST: Final = 10**9
"""Tokens; no call has so many, so that a larger count is not believed."""

_CHARACTERS: Final = 3
"""Characters of a token, for a guess that is rather too high: prose has 4, code 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a server said of a call; whatever is no count is taken for None."""

    sent: Any = None
    """Tokens sent, cached ones included."""

    received: Any = None
    """Tokens received, reasoning included."""

    cached: Any = None
    """Of those sent, read from a cache."""

    cache_write: Any = None
    """Of those sent, written into one."""

    reasoning: Any = None
    """Of those received, thought."""

    def usage(self, request: ChatRequest, text: str) -> tuple[CallUsage, bool]:
        """Give what a call took, and whether a part of that is a guess.

        Args:
            request: What was asked.
            text: What was answered.
        """
        sent, received = read_count(self.sent), read_count(self.received)
        is_estimated = sent is None or received is None
        if sent is None:
            sent = _estimate_sent(request)
        if received is None:
            received = _tokens(len(text))
        usage = CallUsage(
            calls=1,
            input_tokens=sent,
            output_tokens=received,
            cached_tokens=min(read_count(self.cached) or 0, sent),
            cache_write_tokens=min(read_count(self.cache_write) or 0, sent),
            reasoning_tokens=min(read_count(self.reasoning) or 0, received),
            cost_usd=None,
        )
        return usage, is_estimated


def read_count(value: Any) -> int | None:
    """Give a count as it is, and None for what is none."""
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST
    return value if usable else None


def _estimate_sent(request: ChatRequest) -> int:
    sent = sum(len(message.text) for message in request.messages)
    if request.answer_schema is not None:
        sent += len(json.dumps(dict(request.answer_schema)))
    return _tokens(sent)


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS)
