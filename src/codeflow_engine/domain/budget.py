"""What a run may spend."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from codeflow_engine.errors import ConfigurationError

__all__ = ["Budget"]


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
            raise ConfigurationError(f"a budget has at least 0 tokens, not {self.tokens}")

    def to_json(self) -> dict[str, Any]:
        """Give it as plain JSON data; dollars are a decimal string."""
        return {"usd": None if self.usd is None else str(self.usd), "tokens": self.tokens}


def _dollars(given: Decimal | str) -> Decimal:
    try:
        dollars = Decimal(given)
    except InvalidOperation:
        raise ConfigurationError(f"{given!r} is no amount of dollars") from None
    if not (dollars.is_finite() and dollars >= 0):
        raise ConfigurationError(f"a budget is a finite number of dollars, at least 0, not {given}")
    return dollars
