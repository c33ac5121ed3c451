"""Partition: every unit of the change is either to be reviewed or decided already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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

    unshown: Mapping[Unit, str] = field(default_factory=dict)
    """Those of `to_review` that are not shown to models, each with the reason."""


def partition(
    change: Change, policy: RepositoryPolicy, unshown_paths: Mapping[str, str] = {}
) -> Partition:
    """Split the units of a change into those to review and those decided by policy.

    Args:
        change: The change.
        policy: What the repository says at the base revision.
        unshown_paths: Files that models are not shown, each with the reason. They are reviewed
            by the analyzers all the same.
    """
    paths: list[str] = []
    decisions: list[Decision | None] = []
    for file in change.diff.files:
        paths.append(file.path)
        decisions.append(_decide(file.path, file.unsupported, policy))
    to_review: list[Unit] = []
    decided: dict[Unit, Decision] = {}
    unshown: dict[Unit, str] = {}
    for unit in change.diff.units:
        decision = decisions[unit.file]
        if decision is not None:
            decided[unit] = decision
            continue
        to_review.append(unit)
        if (reason := unshown_paths.get(paths[unit.file])) is not None:
            unshown[unit] = reason
    return Partition(
        to_review=tuple(to_review), decided=decided, paths=tuple(paths), unshown=unshown
    )


def _decide(path: str, unsupported: str | None, policy: RepositoryPolicy) -> Decision | None:
    pattern = policy.excluded_by(path)
    if pattern is not None:
        reason = f"excluded by {pattern!r} in {POLICY_PATH} of the base"
        return Decision(state=UnitState.EXCLUDED, reason=reason)
    if unsupported is not None:
        return Decision(state=UnitState.SKIPPED, reason=unsupported)
    return None
