"""Verify: a suggestion is offered only where it applies."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Finding, Suggestion

__all__ = ["Verified", "verify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The findings, without the suggestions that do not apply; those are counted."""

    findings: tuple[Finding, ...]
    dropped: dict[str, int]


def verify(change: Change, findings: tuple[Finding, ...]) -> Verified:
    """Take away suggestions whose lines one hunk does not show on the new side.

    A host accepts an edit only inside of the diff, and one hunk is all that a source was
    shown in one piece.
    """
    hunks: dict[str, list[range]] = {finding.path: [] for finding in findings if finding.suggestion}
    for file in change.diff.files if hunks else ():
        if file.new_path in hunks:
            hunks[file.new_path].extend(hunk.numbers(Side.NEW) for hunk in file.hunks)
    kept: list[Finding] = []
    dropped: Counter[str] = Counter()
    for finding in findings:
        if finding.suggestion and not _applies(finding.suggestion, hunks[finding.path]):
            dropped["a suggestion whose lines the change does not show"] += 1
            kept.append(replace(finding, suggestion=None))
        else:
            kept.append(finding)
    return Verified(findings=tuple(kept), dropped=dict(dropped))


def _applies(suggestion: Suggestion, hunks: list[range]) -> bool:
    return suggestion.start_line <= suggestion.end_line and any(
        suggestion.start_line in hunk and suggestion.end_line in hunk for hunk in hunks
    )
