"""Partition: every unit of the change is either to be reviewed or decided already."""

from __future__ import annotations

from dataclasses import dataclass

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.coverage import UnitState
from codeflow_engine.domain.diff import Unit
from codeflow_engine.review.policy import POLICY_PATH, RepositoryPolicy

__all__ = ["Decision", "Partition", "partition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of a unit before any source saw it."""

    state: UnitState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """The start of the ledger."""

    to_review: tuple[Unit, ...]
    """Units for the sources, in the order of the change."""

    decided: dict[Unit, Decision]
    """All other units, with what became of them."""

    paths: tuple[str, ...]
    """Path of each file entry, so that later stages need not read the entries again."""


def partition(change: Change, policy: RepositoryPolicy) -> Partition:
    """Split the units of a change into those to review and those decided by policy."""
    paths: list[str] = []
    decisions: list[Decision | None] = []
    for file in change.diff.files:
        paths.append(file.path)
        decisions.append(_decide(file.path, file.unsupported, policy))
    to_review: list[Unit] = []
    decided: dict[Unit, Decision] = {}
    for unit in change.diff.units:
        decision = decisions[unit.file]
        if decision is None:
            to_review.append(unit)
        else:
            decided[unit] = decision
    return Partition(to_review=tuple(to_review), decided=decided, paths=tuple(paths))


def _decide(path: str, unsupported: str | None, policy: RepositoryPolicy) -> Decision | None:
    pattern = policy.excluded_by(path)
    if pattern is not None:
        reason = f"excluded by {pattern!r} in {POLICY_PATH} of the base"
        return Decision(state=UnitState.EXCLUDED, reason=reason)
    if unsupported is not None:
        return Decision(state=UnitState.SKIPPED, reason=unsupported)
    return None
