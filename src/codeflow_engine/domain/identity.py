"""What is remembered of a finding, so that it is known again in a later version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from codeflow_engine.domain.finding import Finding, FindingState

__all__ = ["KnownFinding", "Traits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a finding is known by, beside its rule. Holds no secret: it comes from shown text."""

    code: str
    """The code that it speaks of, redacted and without its spacing; empty for a whole file."""

    before: tuple[str, ...] = ()
    """Lines before it, the nearest last, in the same form."""

    after: tuple[str, ...] = ()
    """Lines after it, the nearest first, in the same form."""

    origin: str = ""
    """Where its file was at the base of the change; its path where it was not there yet."""

    column: int | None = None
    """First character in the first line, from 1, as shown: tells findings of one line apart."""

    outside: bool = False
    """Whether it stands on lines that no hunk shows, as only the wide scope lists them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFinding:
    """A finding of some version of a change, as the storage keeps it."""

    change: str
    """`Change.key` of the change."""

    repository: str = ""
    """`Change.target` of the change; empty where it has none."""

    finding: Finding
    """As it was last seen. Its state is never `dismissed`: that follows from dismissals."""

    traits: Traits
    first_run: str
    """Id of the run that saw it first."""

    last_run: str
    """Id of the run that saw it last, or found it resolved."""

    seen_at: datetime
    """Time of `last_run`."""

    def __post_init__(self) -> None:
        if not self.change:
            raise ValueError("a known finding belongs to a change")
        if self.finding.state == FindingState.DISMISSED:
            raise ValueError("whether a finding is dismissed is not part of what is known of it")
        if self.seen_at.utcoffset() is None:
            raise ValueError("the time of a known finding has a time zone")

    @property
    def fingerprint(self) -> str:
        """Identity of the finding; unique within its change."""
        return self.finding.fingerprint
