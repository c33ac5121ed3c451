"""What one source (an analyzer, or the models) said about a change."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.domain.usage import Usage

__all__ = ["BOT", "MODEL", "SourceReport", "only_bots", "unaccounted"]

MODEL: Final = "model"
"""Name of the source that models are, whichever of them answered."""

BOT: Final = "bot:"
"""How the name of a source begins that is another program on the host of the change; no name
of an analyzer has a colon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """The answer of one source; every unit it was asked about is accounted for."""

    source: str
    """Name of the source, as it appears in the ledger."""

    reads_files: bool = False
    """Whether it reads whole files, and so speaks of lines that the change does not touch."""

    findings: tuple[RawFinding, ...] = ()
    reported: int = 0
    """Number of findings that it reported, which no later stage may lose sight of."""

    dropped: Mapping[str, int] = field(default_factory=dict)
    """Findings beside these that are no use, counted by reason."""

    usage: Usage = field(default_factory=Usage)
    """What it has taken of models, as far as this run has paid for it."""

    examined: frozenset[Unit] = frozenset()
    declined: tuple[tuple[Unit, str], ...] = ()
    """Units that are none of its business, each with the reason."""

    failed: tuple[tuple[Unit, str], ...] = ()
    """Units that it should have examined and did not, each with the reason."""

    @property
    def failure(self) -> str | None:
        """The first reason why a unit failed; None where none did."""
        return self.failed[0][1] if self.failed else None


def unaccounted(source: str) -> str:
    """Give the reason why a unit failed that a source said nothing about."""
    return f"{source}: it did not account for the unit"


def only_bots(sources: Collection[str]) -> bool:
    """Say whether nobody but other programs on the host reported a finding.

    Such a finding stands on the host already, and its words are not the engine's.
    """
    return bool(sources) and all(source.startswith(BOT) for source in sources)
