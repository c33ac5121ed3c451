"""Applying a plan: whoever asks for it, in whatever process, it is one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import ConfigurationError

if TYPE_CHECKING:
    from codeflow_engine.domain.effect import Plan, Receipt
    from codeflow_engine.engine.verbs import AsyncEngine
    from codeflow_engine.runs.handle import AsyncRun

__all__ = ["apply"]

_GOES_ON = frozenset({RunStatus.RUNNING, RunStatus.SUCCEEDED})
"""Where a run stands that somebody else has resumed meanwhile."""


async def apply(engine: AsyncEngine, plan: Plan) -> tuple[Receipt, ...]:
    """Do what `AsyncEngine.apply` says."""
    # Other plans may have been applied since one of the same key, and have replaced what it had
    # written: that of another review looks again.
    key = f"apply:{plan.key}:{plan.run_id}"
    run = await engine.submit("apply", {"plan": plan.to_json()}, key=key)
    if run.status.is_terminal and run.status is not RunStatus.SUCCEEDED:
        await _resume(run)
    receipts: tuple[Receipt, ...] = await run.result()
    return receipts


async def _resume(run: AsyncRun) -> None:
    try:
        await run.resume()
    except ConfigurationError:
        if (await run.refresh()).status not in _GOES_ON:
            raise
