"""Whether an answer is whole: whatever is not is an error, and never taken as an answer."""

from __future__ import annotations

from codeflow_engine.domain.chat import ChatAnswer, FinishReason
from codeflow_engine.errors import (
    ContextOverflowError,
    InvalidResponseError,
    ProviderError,
    RefusedError,
    TruncatedAnswerError,
)

__all__ = ["require_whole"]


def require_whole(answer: ChatAnswer, title: str) -> None:
    """Let a whole answer pass.

    Args:
        answer: What came.
        title: The model, for the message.

    Raises:
        TruncatedAnswerError: It was cut off, or ends without saying why.
        RefusedError: The model, or a filter of its provider, declined.
        ContextOverflowError: The context window was full.
        InvalidResponseError: It is none.
    """
    if answer.finish_reason.is_complete and answer.text.strip():
        return
    raise _error(answer, title)


def _error(answer: ChatAnswer, title: str) -> ProviderError:
    match answer.finish_reason:
        case FinishReason.LENGTH:
            tokens = answer.usage.output_tokens
            return TruncatedAnswerError(
                f"{title} was cut off after {tokens:,} tokens, at the limit of its output",
                charged=True,
            )
        case FinishReason.OVERFLOW:
            tokens = answer.usage.input_tokens + answer.usage.output_tokens
            return ContextOverflowError(
                f"{title} reached the end of its context window at {tokens:,} tokens",
                charged=True,
            )
        case FinishReason.REFUSED:
            return RefusedError(f"{title} declined to answer", charged=True)
        case FinishReason.FILTERED:
            return RefusedError(
                f"a filter of the provider took the answer of {title} away",
                kind="filtered",
                charged=True,
            )
        case FinishReason.PAUSED:
            return TruncatedAnswerError(
                f"{title} paused again and again without coming to an end", charged=True
            )
        case FinishReason.TOOLS:
            return InvalidResponseError(
                f"{title} wants tools to be called, and was offered none",
                kind="tools",
                charged=True,
            )
        case FinishReason.STOP:
            return InvalidResponseError(f"{title} gave an empty answer", kind="empty", charged=True)
        case FinishReason.UNKNOWN:
            return TruncatedAnswerError(
                f"{title} stopped without a reason that is known: its answer may be cut off",
                kind="no_finish_reason",
                charged=True,
            )
