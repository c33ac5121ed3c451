"""The ledger of a review: what became of every unit of the change.

The outcome of a review is a function of this ledger and of nothing else, so that a source
that crashed, hung or was never asked cannot read as a clean review.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Coverage", "CoverageEntry", "Outcome", "UnitState"]


class UnitState(StrEnum):
    """What became of one unit."""

    REVIEWED = "reviewed"
    """Every source that was asked has examined it."""

    EXCLUDED = "excluded"
    """Policy leaves it out of the review, or keeps it from the models that were asked; counts as
    covered. Analyzers see what is kept from models, and the entry names those that did."""

    SKIPPED = "skipped"
    """Nobody examined it, and nobody failed: no source can, or a limit was reached."""

    FAILED = "failed"
    """A source that was asked did not examine it."""


class Outcome(StrEnum):
    """How a review ended."""

    REVIEWED = "reviewed"
    """Every unit is covered."""

    PARTIAL = "partial"
    """Some units are not covered, and somebody examined something."""

    SKIPPED = "skipped"
    """Nobody examined anything, and nobody failed."""

    FAILED = "failed"
    """Nobody examined anything, because of a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageEntry:
    """One line of the ledger: a hunk, or a file entry without hunks."""

    path: str
    hunk: int | None = None
    """Index of the hunk in its file, counted from 0; None for an entry without hunks."""

    state: UnitState
    reason: str | None = None
    """Why the unit is excluded, skipped or failed."""

    by: tuple[str, ...] = ()
    """Names of the sources that examined it, sorted; also where another one failed, and where
    it is excluded from what models see."""

    def __post_init__(self) -> None:
        if self.hunk is not None and self.hunk < 0:
            raise ValueError(f"{self.path}: hunks are counted from 0, not from {self.hunk}")
        if not all(name.strip() for name in self.by):
            raise ValueError(f"{self.path}: a source that examined a unit has a name")
        if self.state == UnitState.REVIEWED:
            if not self.by:
                raise ValueError(f"{self.path}: a reviewed unit names who examined it")
        elif not (self.reason or "").strip():
            raise ValueError(f"{self.path}: a unit that is {self.state} gives its reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The whole ledger, in the order of the change."""

    entries: tuple[CoverageEntry, ...] = ()

    def count(self, state: UnitState) -> int:
        """Count the units in a state."""
        return sum(entry.state == state for entry in self.entries)

    @property
    def units(self) -> int:
        """Number of units of the change."""
        return len(self.entries)

    @property
    def hunks(self) -> int:
        """Number of units that are hunks."""
        return sum(entry.hunk is not None for entry in self.entries)

    @property
    def uncovered(self) -> tuple[CoverageEntry, ...]:
        """The units that are neither reviewed nor excluded."""
        covered = (UnitState.REVIEWED, UnitState.EXCLUDED)
        return tuple(entry for entry in self.entries if entry.state not in covered)

    @property
    def outcome(self) -> Outcome:
        """Derive how the review ended; a change without units is reviewed."""
        uncovered = self.uncovered
        if not uncovered:
            return Outcome.REVIEWED
        if any(entry.by for entry in self.entries):
            return Outcome.PARTIAL
        if any(entry.state == UnitState.FAILED for entry in uncovered):
            return Outcome.FAILED
        return Outcome.SKIPPED

    @property
    def reason(self) -> str | None:
        """Say in one line why the outcome is not `reviewed`; None where it is."""
        uncovered = self.uncovered
        if not uncovered:
            return None
        reasons = Counter(entry.reason for entry in uncovered)
        told = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common(3))
        more = len(reasons) - 3
        rest = f"; and {more} more reasons" if more > 0 else ""
        return f"{len(uncovered)} of {self.units} units are not covered: {told}{rest}"

    def to_json(self) -> dict[str, Any]:
        """Give the ledger in the form that it has within a review's JSON form."""
        from codeflow_engine.domain.encoding import to_plain

        return {
            "units": self.units,
            "hunks": self.hunks,
            **{state.value: self.count(state) for state in UnitState},
            **to_plain(self),
        }

    def to_dataframe(self) -> DataFrame:
        """Make a pandas table with one row per unit, in the order of the change.

        | column | dtype | holds |
        |---|---|---|
        | `path` | `str` | the file |
        | `hunk` | `Int64` | index of the hunk in its file, from 0; missing without hunks |
        | `state` | category | `reviewed`, `excluded`, `skipped` or `failed` |
        | `reason` | `str` | why it is excluded, skipped or failed; else missing |
        | `by` | object | a tuple of the names of those who examined it |

        Columns and dtypes are the same without rows. Hidden characters are escaped.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        from codeflow_engine.reports import frame

        return frame.ledger(self.to_json())

    def _repr_html_(self) -> str:
        from codeflow_engine.reports.html import fragment

        return fragment.coverage(self.to_json())

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        from codeflow_engine.reports import ledger, mime

        makers = {
            "text/plain": lambda: ledger.render(self.to_json()),
            "text/html": self._repr_html_,
            "application/json": self.to_json,
        }
        return mime.bundle(makers, include, exclude)
