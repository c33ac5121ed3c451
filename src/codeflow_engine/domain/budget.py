"""What a run may spend."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from codeflow_engine.errors import ConfigurationError

__all__ = ["SCOPES", "Balance", "Budget", "Payer", "Rate", "Reservation", "Spend", "keyed"]

SCOPES = ("run", "change", "repository", "tenant", "month")
"""The kinds of scopes, the innermost first; each question is booked on all that it has."""

_FASTEST = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """An amount of money, of tokens, or of both."""

    usd: Decimal | str | None = None
    """US dollars; a text is read as a decimal number. None sets no limit."""

    tokens: int | None = None
    """Tokens sent and received together; None sets no limit."""

    def __post_init__(self) -> None:
        if self.usd is None and self.tokens is None:
            raise ConfigurationError("a budget has an amount of dollars, of tokens, or of both")
        if self.usd is not None:
            object.__setattr__(self, "usd", _dollars(self.usd))
        if self.tokens is not None and self.tokens < 0:
            raise ConfigurationError("tokens of a budget are at least 0")

    def to_json(self) -> dict[str, Any]:
        """Give it as plain JSON data; dollars are a decimal string."""
        return {"usd": None if self.usd is None else str(self.usd), "tokens": self.tokens}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """Money and tokens that a call costs, or may cost."""

    usd: Decimal = Decimal(0)
    """US dollars, kept to a millionth of a millionth: what is smaller is rounded up."""

    tokens: int = 0
    """Tokens sent and received together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """On whose account a question is asked."""

    run_id: str | None = None
    change: str | None = None
    """Key of the change that it is about."""

    repository: str | None = None
    budget: Budget | None = None
    """What the run may spend, in place of the budget that the engine gives to runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What a call may cost, booked on each of its scopes before it is made."""

    reservation_id: str
    """The same for the same call in any process: reserved again, it takes the old one's place."""

    spend: Spend
    scopes: tuple[str, ...]
    """Scopes that it is booked on, such as `run:018f...` or `month:2026-11`."""

    limits: tuple[Budget | None, ...]
    """What each scope may spend, before top-ups, in the order of the scopes; None only counts."""

    def __post_init__(self) -> None:
        if len(self.scopes) != len(self.limits):
            raise ValueError(
                f"a reservation on {len(self.scopes)} scopes has as many limits, "
                f"not {len(self.limits)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How a scope stands."""

    scope: str
    booked: Spend = Spend()
    """What was spent, and what calls under way may still spend."""

    reserved: Spend = Spend()
    """What of `booked` is not settled: the most that calls under way may spend, and the most that
    those may have spent which were broken off, or whose process died. Nobody knows what these did
    cost, so that they stay; a top-up gives back what the provider asks no money for."""

    added: Spend = Spend()
    """What was given to it by top-ups, beyond its limit."""

    limit: Budget | None = None
    """What the engine that was asked lets a scope of this kind spend, before top-ups; None where
    it only counts. A meter does not know it; and a run whose workflow brings a budget of its own
    is held to that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """An amount to be taken from a bucket that fills evenly."""

    bucket: str
    amount: int
    """How much to take; more than the bucket holds counts as all that it holds."""

    per_minute: int
    """How much flows in within a minute, which is also what it holds; at most 10^12."""

    def __post_init__(self) -> None:
        if not 1 <= self.per_minute <= _FASTEST:
            raise ConfigurationError(
                f"a rate is at least 1 and at most {_FASTEST} a minute, not {self.per_minute}"
            )
        if self.amount < 0:
            raise ValueError(f"at least 0 is taken from a bucket, not {self.amount}")


def keyed(scope: str, key: str) -> str:
    """Name the top-up of a scope that a host knows by a key, so that it counts once."""
    return f"key:{scope}:{key}"


def _dollars(given: Decimal | str) -> Decimal:
    # No value is shown: settings may come from a place where secrets stand beside.
    try:
        dollars = Decimal(given)
    except InvalidOperation:
        raise ConfigurationError("usd of a budget is a decimal number of dollars") from None
    if not (dollars.is_finite() and dollars >= 0):
        raise ConfigurationError("usd of a budget is finite and at least 0")
    return dollars
