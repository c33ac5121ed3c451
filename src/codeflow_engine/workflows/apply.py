"""Apply a plan: wait for approval where it is asked for, then write exactly what was planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from codeflow_engine.domain.effect import Plan, Receipt
from codeflow_engine.domain.journal import StepState
from codeflow_engine.errors import ConfigurationError, PublishError, SerializationError
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.workflow import Workflow
from codeflow_engine.workflows.fetching import AGAIN

__all__ = ["APPLY", "ApplyInput", "apply"]

_KEYS: Final = {"plan", "approval", "patience"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyInput:
    """The input of the workflow `apply`."""

    plan: Plan
    approval: bool = False
    """Whether it waits until somebody approves."""

    patience: float | None = None
    """Seconds to wait for that; None waits for ever."""

    @property
    def identity(self) -> list[object]:
        """What makes two of them ask for the same: words may differ, as those of a duration."""
        return [self.plan.provider, self.plan.key, self.approval, self.patience]

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Understand what the caller gave: `plan` in its JSON form, `approval`, `patience`.

        Raises:
            ConfigurationError: Something of it is missing, unknown or of no use.
        """
        unknown = sorted(given.keys() - _KEYS)
        if unknown or "plan" not in given:
            raise ConfigurationError(
                f"apply takes {', '.join(sorted(_KEYS))} and needs a plan; "
                f"unknown: {', '.join(unknown) or 'nothing'}"
            )
        try:
            plan = Plan.from_json(given["plan"])
        except SerializationError as error:
            raise ConfigurationError(f"this is no plan: {error.message}") from None
        patience = given.get("patience")
        if patience is not None and not (isinstance(patience, int | float) and patience >= 0):
            raise ConfigurationError("patience is a number of seconds, at least 0")
        return cls(plan=plan, approval=given.get("approval", False) is True, patience=patience)

    def write(self) -> Mapping[str, Any]:
        """Give plain JSON data that tells what was asked."""
        return {
            "change": self.plan.target,
            "head": self.plan.head,
            "effects": len(self.plan.effects),
            "approval": self.approval,
        }


async def apply(run: RunContext, given: ApplyInput) -> tuple[Receipt, ...]:
    """Write the effects of a plan in its order, each once, and for its head alone."""
    plan = given.plan
    if given.approval:
        await run.receive("approval", timeout=given.patience)
    # Outside of a step: days may have passed since the look of whoever executed it before.
    await AGAIN.go(run.tools.clock, _check, run, plan, rest=lambda _, pause, __: run.rest(pause))
    receipts = [await run.effect(effect, vcs=plan.provider) for effect in plan.effects]
    await run.collapse(plan.effects, vcs=plan.provider)
    return tuple(receipts)


async def _check(run: RunContext, plan: Plan) -> None:
    """See that the change stands where it was reviewed, if anything is left to be written."""
    tools = run.tools
    steps = await tools.journal.read_steps(run.tenant, run.run_id)
    done = {step.key for step in steps if step.name == "effect" and step.state is StepState.DONE}
    left = [effect for effect in plan.effects if f"={effect.key}" not in done]
    if not left:
        return
    vcs = tools.host(plan.provider)
    head = await vcs.read_head(plan.target, tools.sandbox)
    if head == plan.head:
        return
    # What stands there already gets its receipt, and is not written.
    standing = {receipt.key for receipt in await vcs.find_effects(left)}
    if missing := [effect for effect in left if effect.key not in standing]:
        count = len(plan.effects)
        raise PublishError(
            f"{plan.target} has moved on from {plan.head[:12]} to {str(head)[:12]} since it was "
            f"reviewed: {count - len(missing)} of {count} effects were written, and no more are; "
            f"review it anew"
        )


def _summarise(receipts: tuple[Receipt, ...]) -> dict[str, object]:
    return {
        "title": f"{len(receipts)} effects",
        "found": sum(receipt.found for receipt in receipts),
    }


APPLY = Workflow(
    name="apply",
    version=1,
    run=apply,
    read_input=ApplyInput.read,
    write_input=ApplyInput.write,
    summarise=_summarise,
    partition=lambda given: given.plan.target,
    identity=lambda given: given.identity,
)
