"""What a check is asked, and what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["CheckOptions", "Checkup", "RuleOutcome", "RuleResult", "Verdict"]


class RuleOutcome(StrEnum):
    """What came out of the test of one rule."""

    PASSED = "passed"
    FAILED = "failed"

    SKIPPED = "skipped"
    """It does not concern the backend, by its capabilities or the word of its author."""

    UNCHECKED = "unchecked"
    """It concerns the backend and could not be tested, since something was not given."""


class Verdict(StrEnum):
    """What a check says of a backend as a whole."""

    KEPT = "kept"
    """Every rule that its capabilities ask for was tested, and holds."""

    BROKEN = "broken"
    """A rule does not hold."""

    UNUSABLE = "unusable"
    """It could not be made at all."""

    INCOMPLETE = "incomplete"
    """No rule is known to be broken, and not every one could be tested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """One rule of a contract, and whether a backend keeps it."""

    name: str
    """Name of the test."""

    rule: str
    """The rule in a sentence."""

    outcome: RuleOutcome
    reason: str | None = None
    """Why it failed, was skipped or could not be tested; None where it passed."""

    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What the check of one backend, or of one plugin's registration, came to."""

    subject: str
    """`kind:name` of an offer, an import string, or a plugin."""

    suite: str | None = None
    """The class whose tests ran; None where none could."""

    results: tuple[RuleResult, ...] = ()
    error: str | None = None
    """Why the backend could not be made; None where it could."""

    @property
    def counts(self) -> Mapping[RuleOutcome, int]:
        """The number of results of each outcome, zeros included."""
        found = Counter(result.outcome for result in self.results)
        return {outcome: found[outcome] for outcome in RuleOutcome}

    @property
    def verdict(self) -> Verdict:
        """What follows from the results; nothing that passed is no good verdict either."""
        counts = self.counts
        if counts[RuleOutcome.FAILED]:
            return Verdict.BROKEN
        if self.error is not None:
            return Verdict.UNUSABLE
        if counts[RuleOutcome.UNCHECKED] or not counts[RuleOutcome.PASSED]:
            return Verdict.INCOMPLETE
        return Verdict.KEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What a check may need beside its target."""

    url: str | None = None
    """Given to the constructor of a storage or cache, which the suite then writes into.

    Each test begins with an empty one. So `{tmp}` in it stands for an empty directory, and
    `{name}` for a short text that was never used before, both of the test; one has to be there.
    """

    settings: str | None = None
    """A settings file, whose section for the backend is used as an engine uses it."""

    change: str | None = None
    """A change that a VCS host can read."""

    base: str | None = None
    head: str | None = None
    """Revisions of that change, as for a review."""

    timeout: float = 120.0
    """Seconds for each backend, from the start of its process to its last test."""
