"""What a scan takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codeflow_engine.domain.diff import Diff, Unit

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = ["Scan", "Scanned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """One unit that a scan has dealt with."""

    unit: Unit
    findings: Iterable[RawFinding] = ()
    """What was found in it, in any order; may be made one by one while it is read."""

    declined: str | None = None
    """Why the unit is none of the scan's business; None where it was examined."""


type Scan = Callable[[Diff, Sequence[Unit], Mapping[str, Any]], Iterable[Scanned]]
"""A pure function of the diff, the units and the settings as plain JSON data.

It gives one `Scanned` for each unit, in the order of the units; anything else fails the
whole scan. Each finding names the path of its unit's file on the finding's side. The
function lives at the top level of an importable module, whose import ought to be light.
"""
