"""What a model can hold and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Context, Decimal

from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.errors import ConfigurationError

__all__ = ["ModelFacts", "ModelSettings", "Rates", "Trial"]

_EXACT = Context(prec=100)
"""No price times no count of tokens has as many digits."""

_MILLION = 6
_MOST_DIGITS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """What a host says about a model: one that no list knows, or that it pays otherwise.

    What it leaves out is taken from the bundled list, prices only all together.
    """

    input_usd_per_million: Decimal | None = None
    """US dollars for a million tokens sent."""

    output_usd_per_million: Decimal | None = None
    """US dollars for a million tokens received, reasoning included."""

    cached_usd_per_million: Decimal | None = None
    """The same for tokens read from the provider's cache; None: as those sent."""

    cache_write_usd_per_million: Decimal | None = None
    """The same for tokens written into the provider's cache; None: as those sent."""

    context_window: int | None = None
    """Tokens that the model reads and writes in one call."""

    max_output: int | None = None
    """Tokens that the model writes at most in one call."""

    requests_per_minute: int | None = None
    """Calls that the provider allows this key in a minute."""

    tokens_per_minute: int | None = None
    """Tokens, sent and received together, that the provider allows this key in a minute."""

    def __post_init__(self) -> None:
        prices = {f.name: getattr(self, f.name) for f in fields(self) if "usd" in f.name}
        for name, price in prices.items():
            if price is not None and not _is_price(price):
                raise ConfigurationError(f"{name} is a finite decimal of dollars, at least 0")
        main = (self.input_usd_per_million, self.output_usd_per_million)
        if None in main and any(price is not None for price in prices.values()):
            raise ConfigurationError(
                "a model with a price has both input_usd_per_million and output_usd_per_million"
            )
        for name in ("context_window", "max_output", "requests_per_minute", "tokens_per_minute"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise ConfigurationError(f"{name} is at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """US dollars for a million tokens of each kind; None is a price that nobody told."""

    input: Decimal | None = None
    output: Decimal | None = None
    """Reasoning included."""

    cached: Decimal | None = None
    """Read from the provider's cache. Where there is no such price, they are paid as sent."""

    cache_write: Decimal | None = None
    """Written into the provider's cache, for as long as it keeps things by itself."""

    above: int = -1
    """They hold for a whole call that sends more tokens than this."""

    def __post_init__(self) -> None:
        for price in (self.input, self.output, self.cached, self.cache_write):
            if price is not None and not _is_price(price):
                raise ValueError(f"a price is finite and at least 0, not {price!r}")

    def cost(self, usage: CallUsage) -> Decimal | None:
        """Tell what a call costs, exactly; None where a price that it needs is missing."""
        sent = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
        if sent < 0:
            return None  # more from the cache than was sent: the provider's counts disagree
        parts = (
            (sent, self.input),
            (usage.cached_tokens, self.input if self.cached is None else self.cached),
            (usage.cache_write_tokens, self.cache_write),
            (usage.output_tokens, self.output),
        )
        total = Decimal(0)
        for tokens, price in parts:
            if tokens and price is None:
                return None
            if tokens and price is not None:
                total = _EXACT.add(total, _EXACT.multiply(price, Decimal(tokens)))
        return _EXACT.scaleb(total, -_MILLION)

    def ceiling(self, input_tokens: int, output_tokens: int) -> Decimal | None:
        """Tell the most that a call can cost, whatever a cache does with what is sent."""
        if self.input is None or self.output is None:
            return None
        dearest = max(
            price for price in (self.input, self.cached, self.cache_write) if price is not None
        )
        return Rates(input=dearest, output=self.output).cost(
            CallUsage(input_tokens=input_tokens, output_tokens=output_tokens)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known of a model; None is unknown."""

    context_window: int | None = None
    """Tokens that it reads and writes in one call."""

    max_output: int | None = None
    """Tokens that it writes at most in one call."""

    rates: tuple[Rates, ...] = ()
    """Its prices, those for longer prompts later; empty where they are unknown."""

    @property
    def is_priced(self) -> bool:
        """Whether a plain call has a known cost, however long it is."""
        return bool(self.rates) and all(
            rates.input is not None and rates.output is not None for rates in self.rates
        )

    def cost(self, usage: CallUsage) -> Decimal | None:
        """Tell what a call costs in US dollars, exactly; None where that is unknown, never 0."""
        held = [rates for rates in self.rates if usage.input_tokens > rates.above]
        return held[-1].cost(usage) if held else None

    def ceiling(self, input_tokens: int, output_tokens: int) -> Decimal | None:
        """Tell the most US dollars that a call of at most so many tokens can cost."""
        held = [rates for rates in self.rates if input_tokens > rates.above]
        costs = [rates.ceiling(input_tokens, output_tokens) for rates in held]
        known = [cost for cost in costs if cost is not None]
        return max(known) if known and len(known) == len(costs) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How it went to ask a model something short."""

    model: str
    """Its id, such as `openai:gpt-5.1`."""

    endpoint: str | None
    """Where it was asked; None where there is no such place."""

    answered_by: str = ""
    """The model that gave the answer, as the provider names it; empty without an answer."""

    seconds: float = 0.0
    cost_usd: Decimal | None = None
    """What it did cost; None where there is no price."""

    error: str | None = None
    """Why there was no answer, and what to do; None where there was one."""


def _is_price(price: object) -> bool:
    return (
        isinstance(price, Decimal)
        and price.is_finite()
        and price >= 0
        and len(price.as_tuple().digits) <= _MOST_DIGITS
        and abs(price.adjusted()) <= _MOST_DIGITS
    )
