"""Tokens: what a server counted, or a high guess where it did not."""

from __future__ import annotations

import json
from typing import Any, Final

from codeflow_engine.domain.chat import ChatRequest
from codeflow_engine.domain.usage import CallUsage

__all__ = ["estimate_usage", "read_count", "read_usage"]

_LARGEST: Final = 10**9
"""Tokens; no call has so many, so that a larger count is not believed."""

_CHARACTERS: Final = 3
"""Characters of a token, for a guess that is rather too high: prose has 4, code 3."""


def read_usage(
    *,
    sent: Any,
    received: Any,
    cached: Any = None,
    cache_write: Any = None,
    reasoning: Any = None,
) -> CallUsage | None:
    """Make a usage of a server's counts; None where the two that matter cannot be used.

    Args:
        sent: Tokens sent, cached ones included.
        received: Tokens received, reasoning included.
        cached: Of those sent, read from a cache.
        cache_write: Of those sent, written into one.
        reasoning: Of those received, thought.
    """
    all_sent, all_received = read_count(sent), read_count(received)
    if all_sent is None or all_received is None:
        return None
    return CallUsage(
        calls=1,
        input_tokens=all_sent,
        output_tokens=all_received,
        cached_tokens=min(read_count(cached) or 0, all_sent),
        cache_write_tokens=min(read_count(cache_write) or 0, all_sent),
        reasoning_tokens=min(read_count(reasoning) or 0, all_received),
        cost_usd=None,
    )


def read_count(value: Any) -> int | None:
    """Give a count as it is, and None for what is none."""
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST
    return value if usable else None


def estimate_usage(request: ChatRequest, text: str) -> CallUsage:
    """Guess what a call took, for an answer without counts: a token per three characters."""
    sent = sum(len(message.text) for message in request.messages)
    if request.answer_schema is not None:
        sent += len(json.dumps(dict(request.answer_schema)))
    return CallUsage(
        calls=1, input_tokens=_tokens(sent), output_tokens=_tokens(len(text)), cost_usd=None
    )


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS)
