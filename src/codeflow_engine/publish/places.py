"""Where a finding can be told: which of them count, and which have a place beside the code."""

from __future__ import annotations

from typing import Final

from codeflow_engine.domain.finding import Finding, FindingState
from codeflow_engine.domain.source import only_bots

__all__ = ["has_place", "is_live", "is_text"]

_LIVE: Final = frozenset({FindingState.NEW, FindingState.OPEN})


def is_live(finding: Finding) -> bool:
    """Say whether a finding counts: it is new or open."""
    return finding.state in _LIVE


def has_place(finding: Finding) -> bool:
    """Say whether a comment is to stand beside the code: on a line, of a file with such a name.

    What bots alone have said stands there already, in their own words; the report lists it.
    """
    stands = only_bots(finding.sources)
    return is_live(finding) and finding.line is not None and is_text(finding.path) and not stands


def is_text(text: str) -> bool:
    """Say whether a text can be written in UTF-8, and so in the JSON that a host takes."""
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes of a path that are no UTF-8
        return False
    return True
