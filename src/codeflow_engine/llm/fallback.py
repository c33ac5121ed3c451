"""Which model is asked when another one has failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from codeflow_engine.errors import (
    AuthenticationError,
    CodeflowError,
    ContextOverflowError,
    InvalidResponseError,
    ModelUnavailableError,
    PluginError,
    ProviderError,
    QuotaExhaustedError,
    RefusedError,
    TruncatedAnswerError,
)
from codeflow_engine.llm.foreign import own_class

if TYPE_CHECKING:
    from codeflow_engine.llm.model import Model

__all__ = ["next_model", "worst"]

_ELSEWHERE = (
    AuthenticationError,
    InvalidResponseError,
    ModelUnavailableError,
    PluginError,
    QuotaExhaustedError,
    RefusedError,
    TruncatedAnswerError,
)
"""Errors that another model may not have, besides those that may pass."""


def next_model(
    left: Sequence[Model], failed: Model, error: CodeflowError, *, refusals: bool
) -> int | None:
    """Give the place of the model to ask next; None where none would do better.

    A request that a provider does not take is our own mistake, and goes no further. What was
    too long for one goes to the first with a larger window, and no further than that.

    Args:
        left: The models behind the one that failed, in their order.
        failed: That one.
        error: What it failed with.
        refusals: Whether another model is asked where one has declined.
    """
    if isinstance(error, ContextOverflowError):
        window = failed.facts().context_window
        wider = (
            place
            for place, model in enumerate(left)
            if window is not None and (model.facts().context_window or 0) > window
        )
        return next(wider, None)
    if isinstance(error, RefusedError) and not refusals:
        return None
    return 0 if left and _may_go_on(error) else None


def _may_go_on(error: CodeflowError) -> bool:
    # A storage that is away for a moment is no reason to pay for another answer.
    may_pass = isinstance(error, ProviderError) and error.retryable
    return isinstance(error, _ELSEWHERE) or may_pass


def worst(errors: Sequence[CodeflowError]) -> CodeflowError:
    """Choose the error to raise where all have failed: the one that passes first, if any does."""
    last = errors[-1]
    if not _may_go_on(last):
        return last  # a budget that is spent, or a mistake of ours: waiting mends neither
    passing = [error for error in errors if error.retryable]
    if not passing:
        return errors[0]
    soonest = min(passing, key=lambda error: error.retry_after or 0.0)
    if len(errors) > 1 and isinstance(soonest, ProviderError):
        told = "; ".join(dict.fromkeys(error.message for error in errors))
        return own_class(soonest)(
            f"no model gave an answer: {told}", retry_after=soonest.retry_after, kind=soonest.kind
        )
    return soonest
