"""What a run has consumed of its models."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal

__all__ = ["CallUsage", "Usage"]

_MONEY = Context(prec=60)
"""Sums of money don't depend on the precision that the host's program has set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and money; the zero value means that no model was called."""

    calls: int = 0
    """Calls to a model that returned an answer."""

    input_tokens: int = 0
    """Tokens sent, cached ones included."""

    output_tokens: int = 0
    """Tokens received, reasoning included."""

    cached_tokens: int = 0
    """Of the tokens sent, those that the provider read from its cache."""

    cost_usd: Decimal | None = Decimal(0)
    """US dollars; None as soon as one call went to a model without a known price."""

    def __post_init__(self) -> None:
        counts = (self.calls, self.input_tokens, self.output_tokens, self.cached_tokens)
        if min(counts) < 0:
            raise ValueError("calls and tokens are counted from 0")
        if self.cost_usd is not None and not (self.cost_usd.is_finite() and self.cost_usd >= 0):
            raise ValueError("a cost is a finite number of dollars, at least 0")

    def __add__(self, other: Usage) -> Usage:
        cost: Decimal | None = None
        if self.cost_usd is not None and other.cost_usd is not None:
            cost = _MONEY.add(self.cost_usd, other.cost_usd)
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cost_usd=cost,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallUsage(Usage):
    """The usage of one call, with what its price and its spans need beside."""

    cache_write_tokens: int = 0
    """Of the tokens sent, those that the provider wrote into its cache."""

    reasoning_tokens: int = 0
    """Of the tokens received, those with which the model thought."""

    def plus(self, other: CallUsage) -> CallUsage:
        """Count two calls together, as `+` does, with what it leaves out."""
        both = self + other
        return CallUsage(
            calls=both.calls,
            input_tokens=both.input_tokens,
            output_tokens=both.output_tokens,
            cached_tokens=both.cached_tokens,
            cost_usd=both.cost_usd,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
        )
