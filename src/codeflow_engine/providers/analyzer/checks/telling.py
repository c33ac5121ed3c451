"""Makes findings.

`codeflow_engine.domain.finding` takes a sixth of the time that the process of a scan needs
to start, and most changes have no finding. So only this module imports it, and only when
there is something to tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = ["CategoryName", "SeverityName", "tell"]

type SeverityName = Literal["critical", "high", "medium", "low", "info"]
type CategoryName = Literal["security", "correctness", "reliability", "maintainability", "testing"]


def tell(*, severity: SeverityName, category: CategoryName, **fields: Any) -> RawFinding:
    """Make a finding; `fields` are the other ones of `RawFinding`."""
    from codeflow_engine.domain.finding import Category, RawFinding, Severity

    return RawFinding(severity=Severity(severity), category=Category(category), **fields)
