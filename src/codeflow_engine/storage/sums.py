"""Money and tokens as whole numbers, which add up exactly, and alike in every storage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import (
    MAX_EMAX,
    MAX_PREC,
    MIN_EMIN,
    ROUND_CEILING,
    ROUND_FLOOR,
    Context,
    Decimal,
)

from codeflow_engine.domain.budget import Balance, Budget, Reservation, Spend
from codeflow_engine.errors import StorageError

__all__ = ["LARGEST", "Account", "Amount", "Booking", "amount_of", "book", "settle"]

LARGEST = 2**63 - 1
"""What a column of a database holds; in money that is some nine million dollars."""

_PLACES = 12
_UNIT = 10**_PLACES
"""Millionths of a millionth in a dollar: a token costs a few millionths, and one that was
cached a tenth of it."""

_BEYOND = 20
"""Digits of a limit in dollars that nothing can reach."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Money, in millionths of a millionth of a dollar, and tokens."""

    usd: int = 0
    tokens: int = 0

    def __add__(self, more: Amount) -> Amount:
        """Add up, to at least nothing.

        Raises:
            StorageError: It is more than can be kept.
        """
        usd, tokens = self.usd + more.usd, self.tokens + more.tokens
        if max(usd, tokens) > LARGEST:
            raise StorageError("the sum of a budget would be larger than what can be kept")
        return Amount(max(0, usd), max(0, tokens))

    def __neg__(self) -> Amount:
        return Amount(-self.usd, -self.tokens)

    def spend(self) -> Spend:
        """Give it as dollars and tokens, exactly, in whatever context it is called."""
        whole, rest = divmod(self.usd, _UNIT)
        text = f"{whole}.{rest:0{_PLACES}}".rstrip("0").rstrip(".")
        return Spend(usd=Decimal(text), tokens=self.tokens)


@dataclass(frozen=True, slots=True)
class Account:
    """How a scope stands."""

    booked: Amount = Amount()
    added: Amount = Amount()
    open: Amount = Amount()
    """What of that which is booked is not settled."""

    def reserve(self, amount: Amount) -> Account:
        """Book what may be spent; or undo that, where the amount is negative."""
        return Account(self.booked + amount, self.added, self.open + amount)

    def settle(self, booking: Booking, amount: Amount) -> Account:
        """Put what was spent in the place of a booking."""
        change = Amount(amount.usd - booking.amount.usd, amount.tokens - booking.amount.tokens)
        was_open = booking.settled_at is None
        left = self.open + -booking.amount if was_open else self.open
        return Account(self.booked + change, self.added, left)

    def top_up(self, amount: Amount) -> Account:
        """Add to what may be spent."""
        return Account(self.booked, self.added + amount, self.open)

    def is_within(self, limit: Budget | None) -> bool:
        """Say whether what is booked is no more than a limit and the top-ups."""
        if limit is None:
            return True
        usd, tokens = _most(limit), limit.tokens
        return not (
            (usd is not None and self.booked.usd > usd + self.added.usd)
            or (tokens is not None and self.booked.tokens > tokens + self.added.tokens)
        )

    def balance(self, scope: str) -> Balance:
        """Tell how it stands."""
        return Balance(
            scope=scope,
            booked=self.booked.spend(),
            reserved=self.open.spend(),
            added=self.added.spend(),
        )


@dataclass(frozen=True, slots=True)
class Booking:
    """What is booked under one id."""

    amount: Amount
    scopes: tuple[str, ...]
    settled_at: datetime | None = None

    @property
    def open_on(self) -> tuple[str, ...]:
        """The scopes on which it can still be undone."""
        return self.scopes if self.settled_at is None else ()


def amount_of(name: str, spend: Spend) -> Amount:
    """Make whole numbers of what is spent; a part of the smallest one is a whole one.

    Raises:
        StorageError: It is negative, no number, or more than can be kept.
    """
    usd, tokens = spend.usd, spend.tokens
    if not usd.is_finite() or usd < 0 or tokens < 0:
        raise StorageError(f"{name} cannot be kept: its amounts are numbers of at least 0")
    # Looked at first: a number with an exponent of a billion has as many digits.
    if (not usd or usd.adjusted() <= _PLACES) and tokens <= LARGEST:
        amount = Amount(_units(usd, ROUND_CEILING), tokens)
        if amount.usd <= LARGEST:
            return amount
    raise StorageError(f"{name} is larger than what can be kept")


def book(
    accounts: Mapping[str, Account], before: Booking | None, reservation: Reservation
) -> tuple[Mapping[str, Account], Booking] | str:
    """Book a reservation; give what that makes of the accounts, or the scope that refuses it.

    Args:
        accounts: Those of its scopes, and of those that `before` is open on.
        before: What is booked under its id.
        reservation: What to book.

    Raises:
        StorageError: An amount or a sum is more than can be kept.
    """
    name = f"reservation {reservation.reservation_id!r}"
    amount, scopes = amount_of(name, reservation.spend), tuple(dict.fromkeys(reservation.scopes))
    changed = dict(accounts)
    if before is not None:
        for scope in before.open_on:
            changed[scope] = changed[scope].reserve(-before.amount)
    for scope in scopes:
        changed[scope] = changed[scope].reserve(amount)
    for scope, limit in zip(reservation.scopes, reservation.limits, strict=True):
        if not changed[scope].is_within(limit):
            return scope
    return changed, Booking(amount, scopes)


def settle(
    accounts: Mapping[str, Account], booking: Booking, amount: Amount, at: datetime
) -> tuple[Mapping[str, Account], Booking]:
    """Put what a call did cost in the place of its booking; accounts that are gone stay so."""
    changed = {scope: account.settle(booking, amount) for scope, account in accounts.items()}
    return changed, Booking(amount, booking.scopes, at)


def _most(limit: Budget) -> int | None:
    """Give a limit of dollars in units; None where there is none, or nothing can reach it."""
    if limit.usd is None:
        return None
    dollars = Decimal(limit.usd)
    return None if dollars and dollars.adjusted() > _BEYOND else _units(dollars, ROUND_FLOOR)


def _units(dollars: Decimal, rounding: str) -> int:
    """Count units, rounded to a whole one."""
    # A context of our own: that of the caller may be short of digits, or raise.
    exact = Context(prec=MAX_PREC, rounding=rounding, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
    return int(dollars.scaleb(_PLACES, exact).to_integral_value(context=exact))
