"""Budgets: what a question may cost is booked before it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING

from codeflow_engine.domain.budget import SCOPES, Budget, Payer, Reservation, Spend
from codeflow_engine.errors import BudgetExhaustedError, CodeflowError, ConfigurationError

if TYPE_CHECKING:
    from codeflow_engine.contracts import Meter
    from codeflow_engine.pace.clock import Clock

__all__ = ["Purse"]


class Purse:
    """The budgets of one tenant.

    Args:
        meter: What keeps them, for all processes.
        tenant: Whose.
        clock: Tells the month, in UTC.
        budgets: What a scope of each kind may spend; one that is not named only counts.

    Raises:
        ConfigurationError: There is no such kind of scope.
    """

    def __init__(
        self, meter: Meter, tenant: str, clock: Clock, budgets: Mapping[str, Budget]
    ) -> None:
        unknown = sorted(budgets.keys() - set(SCOPES))
        if unknown:
            raise ConfigurationError(
                f"no budget is for {', '.join(unknown)}; known: {', '.join(SCOPES)}"
            )
        self._meter = meter
        self._tenant = tenant
        self._clock = clock
        self._budgets = budgets
        self._giving_back: set[asyncio.Task[None]] = set()

    async def reserve(
        self, reservation_id: str, payer: Payer, usd: Decimal | None, tokens: int, *, title: str
    ) -> None:
        """Book the most that a call may cost.

        Args:
            reservation_id: Of this attempt alone. Where its process ends before it is settled,
                it stays booked: the next process pays for a call of its own.
            payer: Who pays.
            usd: Dollars; None where the model has no known price.
            tokens: Sent and received together.
            title: The model, for messages.

        Raises:
            BudgetExhaustedError: A budget has less left than that.
            ConfigurationError: A budget is in dollars alone, and the model has no price.
        """
        scopes = self._scopes(payer)
        if usd is None:
            _require_tokens(scopes, title)
        reservation = Reservation(
            reservation_id=reservation_id,
            spend=Spend(usd=usd or Decimal(0), tokens=tokens),
            scopes=tuple(scopes),
            limits=tuple(scopes.values()),
        )
        refused = await self._book(reservation)
        if refused is None:
            return
        money = "" if usd is None else f" and {usd.normalize():f} USD"
        raise BudgetExhaustedError(
            f"the budget of {refused!r} has less left than the {tokens:,} tokens{money} that "
            f"{title} may take for this question; a top-up lets it go on",
            scope=refused,
        )

    async def _book(self, reservation: Reservation) -> str | None:
        # Begun at once: a meter in memory has booked it before anybody else's turn.
        reserving = self._meter.reserve(self._tenant, reservation)
        booking = asyncio.Task(reserving, loop=asyncio.get_running_loop(), eager_start=True)
        if booking.done():
            return booking.result()
        try:
            return await asyncio.shield(booking)
        except asyncio.CancelledError:
            # A storage may have booked it all the same; nothing was asked, so it is given back.
            # Not here, since whoever is cancelled is not to wait for a storage.
            giving_back = asyncio.create_task(self._give_back(booking, reservation.reservation_id))
            self._giving_back.add(giving_back)
            giving_back.add_done_callback(self._giving_back.discard)
            raise

    async def _give_back(self, booking: asyncio.Task[str | None], reservation_id: str) -> None:
        with suppress(CodeflowError):
            if await booking is None:
                await self.settle(reservation_id, Decimal(0), 0)

    async def settle(self, reservation_id: str, usd: Decimal | None, tokens: int) -> None:
        """Book what a call did cost instead."""
        spend = Spend(usd=usd or Decimal(0), tokens=tokens)
        await self._meter.settle(self._tenant, reservation_id, spend)

    def _scopes(self, payer: Payer) -> dict[str, Budget | None]:
        named = {
            "run": payer.run_id,
            "change": payer.change,
            "repository": payer.repository,
            "tenant": self._tenant,
            "month": f"{self._clock.now():%Y-%m}",
        }
        own = {"run": payer.budget} if payer.budget is not None else {}
        limits = {**self._budgets, **own}
        return {
            f"{kind}:{name}": limits.get(kind) for kind, name in named.items() if name is not None
        }


def _require_tokens(scopes: Mapping[str, Budget | None], title: str) -> None:
    for scope, limit in scopes.items():
        if limit is not None and limit.usd is not None and limit.tokens is None:
            raise ConfigurationError(
                f"the budget of {scope!r} is in dollars alone, and {title} has no known price: "
                f"give it one in the settings (models), or add a budget of tokens"
            )
