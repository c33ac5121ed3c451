"""What a fix is asked for: findings, and the change that they were found in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from codeflow_engine.domain.encoding import from_plain
from codeflow_engine.domain.finding import Finding, FindingState
from codeflow_engine.domain.review import Review
from codeflow_engine.errors import ConfigurationError, SerializationError
from codeflow_engine.workflows.review_input import ReviewInput

__all__ = ["FixInput"]

_KEYS: Final = frozenset(["base", "budget", "change", "findings", "head", "llm"])
_ALIVE: Final = frozenset([FindingState.NEW, FindingState.OPEN])


@dataclass(frozen=True, slots=True, kw_only=True)
class FixInput:
    """The input of the workflow `fix`."""

    asked: ReviewInput
    """The change, the models and the budget."""

    findings: tuple[Finding, ...]
    """Each fingerprint once."""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Understand what the caller gave.

        `findings` is a `Review`, of which those count that are new or open, a `Finding`, or
        several, also in their JSON form. The rest is what a review takes.

        Raises:
            ConfigurationError: Something of it is missing, unknown or of no use.
            DiffError: A text or bytes that are no patch.
        """
        unknown = sorted(given.keys() - _KEYS)
        if unknown or not {"change", "findings"} <= given.keys():
            raise ConfigurationError(
                f"a fix takes {', '.join(sorted(_KEYS))} and needs change and findings; "
                f"unknown: {', '.join(unknown) or 'nothing'}"
            )
        rest = {name: value for name, value in given.items() if name != "findings"}
        return cls(asked=ReviewInput.read(rest), findings=_read_findings(given["findings"]))

    def write(self) -> Mapping[str, Any]:
        """Give plain JSON data that tells what was asked."""
        told = self.asked.write()
        findings = [one.fingerprint for one in self.findings]
        return {name: told[name] for name in told if name in _KEYS} | {"findings": findings}


def _read_findings(given: object) -> tuple[Finding, ...]:
    if isinstance(given, Review):
        findings = [one for one in given.findings if one.state in _ALIVE]
    elif isinstance(given, Finding | Mapping):
        findings = [_read_finding(given)]
    elif isinstance(given, Iterable) and not isinstance(given, str | bytes):
        findings = [_read_finding(one) for one in given]
    else:
        raise ConfigurationError(
            f"what is fixed is a review or findings, not a {type(given).__name__}"
        )
    return tuple({one.fingerprint: one for one in reversed(findings)}.values())[::-1]


def _read_finding(given: object) -> Finding:
    if isinstance(given, Finding):
        return given
    try:
        return from_plain(Finding, given)
    except SerializationError as error:
        raise ConfigurationError(f"this is no finding: {error.message}") from None
