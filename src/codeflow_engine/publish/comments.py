"""Comments beside the code: one finding each, with an edit where one click may make it."""

from __future__ import annotations

from typing import Any, Final

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Finding, Suggestion
from codeflow_engine.domain.marker import find_markers
from codeflow_engine.publish.bodies import BODY_LIMIT, fitting, measure
from codeflow_engine.publish.places import is_text
from codeflow_engine.reports import markdown
from codeflow_engine.reports.visible import is_hidden

__all__ = ["comment"]

_LONGEST_EDIT: Final = 20_000
_MOST_TICKS: Final = 100
_FENCES: Final = 300
"""More than the two fences around an edit take, each longer than all ticks inside."""

_REDACTED: Final = "[redacted:"
"""How the mark begins that stands in the place of a secret."""

_PIPELINES: Final = (".github/", ".gitlab/", ".circleci/", ".buildkite/")
"""What runs with a repository's keys. A review of the engine has no such edits, nor others that
`review.verify` refuses; one that comes from elsewhere may."""


def comment(finding: Finding) -> dict[str, Any]:
    """Make the comment of a finding that has a place.

    A host replaces exactly the lines that a comment with a suggestion stands on, so it then
    stands on those, and not on the lines of the finding.
    """
    edit = _one_click(finding)
    first = finding.line if edit is None else edit.start_line
    last = (finding.end_line or finding.line) if edit is None else edit.end_line
    plain = finding.to_json()
    room = BODY_LIMIT - (0 if edit is None else measure(edit.replacement) + _FENCES)
    return {
        "fingerprint": finding.fingerprint,
        "path": finding.path,
        "side": finding.side.value,
        "line": first,
        "end_line": last,
        "severity": finding.severity.value,
        "body": fitting(
            lambda limit: markdown.comment(plain, limit=limit, with_edit=edit is None), room
        ),
        "suggestion": None if edit is None else edit.replacement,
    }


def _one_click(finding: Finding) -> Suggestion | None:
    """Give the suggestion that one click may put into the change; None where none may.

    One that is left out here is shown all the same, as lines that nobody can click on.
    """
    edit = finding.suggestion
    if edit is None or finding.line is None or finding.side is not Side.NEW:
        return None
    stands_inside = edit.start_line <= finding.line <= edit.end_line
    runs_with_keys = finding.path.lower().startswith(_PIPELINES)
    if not stands_inside or runs_with_keys or not _is_plain(edit.replacement):
        return None
    return edit


def _is_plain(replacement: str) -> bool:
    """Say whether a reader sees all that an edit would write, and it is what was meant."""
    return (
        len(replacement) <= _LONGEST_EDIT
        and is_text(replacement)
        and _REDACTED not in replacement
        and "`" * _MOST_TICKS not in replacement
        and not find_markers(replacement)
        and not any(is_hidden(one) for one in replacement if one not in "\t\n")
    )
