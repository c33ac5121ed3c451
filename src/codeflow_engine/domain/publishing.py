"""What of a review is published: the choices of the host, and the words of a check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from codeflow_engine.domain.effect import Plan, Receipt
from codeflow_engine.domain.finding import Category, Severity
from codeflow_engine.domain.review import Review
from codeflow_engine.errors import ConfigurationError

__all__ = ["Conclusion", "PublishPolicy", "Published"]

_LONGEST_NAME: Final = 100
_LONGEST_LABEL: Final = 50
"""GitHub takes no longer name of a label."""


class Conclusion(StrEnum):
    """What a check says of a change, in the words of GitHub's check runs."""

    SUCCESS = "success"
    """The review is complete, somebody examined something, and there is no finding."""

    NEUTRAL = "neutral"
    """The review is complete and nothing stands against the change, but nothing vouches for it
    either. A host lets that pass, as it does a success."""

    ACTION_REQUIRED = "action_required"
    """The review is not complete, so somebody has to look at the rest or to run it again; a host
    that asks for the check lets nothing pass until then."""

    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPolicy:
    """What of a review is written to the host of its change, and what fails there.

    Raises:
        ConfigurationError: It would tell nobody how a review ended, or a value is of no use.
    """

    fail_at: Severity | None = Severity.HIGH
    """Severity from which on a finding makes the check fail; None where none does."""

    inline: bool = True
    """Whether findings on a line are told beside the code, in one review per head."""

    most_comments: int = 100
    """Findings that one review tells beside the code, the worst first; the report tells all."""

    summary: bool = True
    """Whether the report is told in a comment of the change, which later heads bring up to
    date."""

    check: bool = True
    """Whether a check says if the change may pass; it holds the report, too."""

    annotations: bool = True
    """Whether the check marks the lines of the findings."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the change, each with what it stands for: a `Conclusion`, a `Severity` that a
    finding reaches, or the `Category` of a finding. One that does not hold is taken off."""

    issues_at: Severity | None = None
    """Severity from which on a finding becomes an issue, once; None where none does."""

    sarif: bool = False
    """Whether the host's list of alerts gets the review as SARIF."""

    resolve: bool = True
    """Whether threads of ours are resolved once what they are about is mended or dismissed."""

    check_name: str = "codeflow"
    """Name of the check. Two engines that look at one repository take two names."""

    def __post_init__(self) -> None:
        for name in ("fail_at", "issues_at"):
            object.__setattr__(self, name, _severity(name, getattr(self, name)))
        if not (self.summary or self.check):
            raise ConfigurationError(
                "a policy of publishing has a summary, a check, or both: without them nobody "
                "would see that a review is not complete"
            )
        if self.most_comments < 1:
            raise ConfigurationError("most_comments is at least 1; `inline` turns them off")
        if not _is_name(self.check_name, _LONGEST_NAME):
            raise ConfigurationError(
                f"the name of a check is one line of at most {_LONGEST_NAME} characters"
            )
        if not all(_is_name(label, _LONGEST_LABEL) for label in self.labels):
            raise ConfigurationError(
                f"the name of a label is one line of at most {_LONGEST_LABEL} characters"
            )
        known = [*Conclusion, *Severity, *Category]
        if wrong := sorted(set(self.labels.values()) - set(known)):
            raise ConfigurationError(
                f"a label stands for one of {', '.join(known)}, not for {', '.join(wrong)}"
            )
        # A copy: what the host does with its own mapping later changes no policy.
        object.__setattr__(self, "labels", dict(self.labels))


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A review, and what of it stands on the host of its change."""

    review: Review
    plan: Plan
    receipts: tuple[Receipt, ...]
    """One for each effect of the plan, in its order."""


def _severity(name: str, given: Severity | None) -> Severity | None:
    try:
        return None if given is None else Severity(given)
    except ValueError:
        raise ConfigurationError(f"{name} is one of {', '.join(Severity)}, or None") from None


def _is_name(text: str, most: int) -> bool:
    return 0 < len(text) <= most and text.isprintable() and text == text.strip()
