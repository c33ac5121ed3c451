"""Fix commits: what is to be written of a patch."""

from __future__ import annotations

from codeflow_engine.domain.effect import Plan
from codeflow_engine.domain.patch import Patch

__all__ = ["plan_patch"]


def plan_patch(
    patch: Patch, *, provider: str, target: str, head: str | None = None, branch: str | None = None
) -> Plan: ...
