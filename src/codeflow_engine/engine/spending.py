"""The verbs of an engine about its models and what they cost."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeflow_engine.domain.budget import Balance, Budget
    from codeflow_engine.domain.model import Trial
    from codeflow_engine.runs.executor import Executor
    from codeflow_engine.runs.toolbox import Toolbox

__all__ = ["SpendingVerbs"]


class SpendingVerbs:
    """Budgets and how they stand, and whether models answer."""

    _tools: Toolbox
    _executor: Executor

    async def balances(self, *scopes: str) -> tuple[Balance, ...]:
        """Tell how scopes stand, and what they may spend, in the order given.

        Args:
            scopes: Such as `run:018f...`, `month:2026-11` or `tenant:acme`, as an error of a
                budget names them. One that is not known has spent nothing.

        Raises:
            StorageError: They cannot be read.
        """
        found = await self._tools.meter.read_balances(self._tools.settings.tenant, scopes)
        return tuple(map(self._limited, found))

    async def top_up(self, scope: str, budget: Budget, *, key: str | None = None) -> Balance:
        """Give a scope more to spend, beyond its limit, and tell how it stands.

        A run that has ended for want of money goes on when it is resumed.

        Args:
            scope: As `BudgetExhaustedError.scope` names it.
            budget: How much.
            key: The same top-up of a scope asked for again has the same key, and counts once.
                None: each call is one of its own.

        Raises:
            ConfigurationError: There is no such kind of scope, or it names none of its kind.
            StorageError: It could not be written.
        """
        from codeflow_engine.domain.budget import SCOPES, Spend, keyed
        from codeflow_engine.errors import ConfigurationError

        kind, _, name = scope.partition(":")
        if kind not in SCOPES or not name:
            known = ", ".join(f"{one}:..." for one in SCOPES)
            raise ConfigurationError(f"there is no budget of {scope!r}; a scope is {known}")
        spend = Spend(usd=Decimal(budget.usd or 0), tokens=budget.tokens or 0)
        top_up_id = self._tools.clock.new_id() if key is None else keyed(scope, key)
        tenant = self._tools.settings.tenant
        balance = await self._tools.meter.top_up(tenant, scope, spend, top_up_id=top_up_id)
        return self._limited(balance)

    def _limited(self, balance: Balance) -> Balance:
        kind = balance.scope.partition(":")[0]
        return replace(balance, limit=self._tools.settings.budgets.get(kind))

    async def try_models(self) -> tuple[Trial, ...]:
        """Ask each model of the engine something short, and tell how that went.

        It costs a fraction of a cent for each. Whatever is wrong with key, place or model is
        told, and not raised.

        Raises:
            ConfigurationError: The engine is closed, or was opened before a fork.
        """
        self._executor.check_open()
        return await self._tools.models.trials()
