"""Random values of reviews, for tests of their rules and of their JSON form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from codeflow_engine.domain.coverage import Coverage, CoverageEntry, UnitState
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import (
    Category,
    Evidence,
    Finding,
    FindingState,
    Severity,
    Suggestion,
)
from codeflow_engine.domain.review import ChangeSummary, Review, Timing
from codeflow_engine.domain.usage import Usage

TEXTS = st.text(max_size=12)
NAMES = st.text(min_size=1, max_size=8).filter(str.strip)
COUNTS = st.integers(min_value=0, max_value=2**53 - 1)
"""Up to the largest number that every reader of JSON keeps exactly."""

NUMBERS = st.none() | st.integers(min_value=1, max_value=10**6)
CONFIDENCES = st.floats(min_value=0, max_value=1)


@st.composite
def entries(draw: st.DrawFn, states: st.SearchStrategy[UnitState] | None = None) -> CoverageEntry:
    """Make a line of the ledger in one of the given states, or in any."""
    state = draw(st.sampled_from(UnitState) if states is None else states)
    reviewed = state is UnitState.REVIEWED
    return CoverageEntry(
        path=draw(TEXTS),
        hunk=draw(st.none() | COUNTS),
        state=state,
        reason=draw(st.none() | TEXTS) if reviewed else draw(NAMES),
        by=tuple(draw(st.lists(NAMES, min_size=1 if reviewed else 0, max_size=3))),
    )


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    """Make a finding with an anchor, evidence and suggestion, each or not."""
    line = draw(NUMBERS)
    more = draw(st.none() | st.integers(0, 99))
    return Finding(
        fingerprint=draw(TEXTS),
        state=draw(st.sampled_from(FindingState)),
        path=draw(TEXTS),
        side=draw(st.sampled_from(Side)),
        line=line,
        end_line=None if line is None or more is None else line + more,
        severity=draw(st.sampled_from(Severity)),
        category=draw(st.sampled_from(Category)),
        rule=draw(TEXTS),
        title=draw(TEXTS),
        message=draw(TEXTS),
        evidence=draw(st.none() | st.builds(Evidence, **_evidence())),
        suggestion=draw(st.none() | st.builds(Suggestion, **_suggestion())),
        confidence=draw(CONFIDENCES),
        sources=tuple(draw(st.lists(NAMES, max_size=3))),
    )


def _evidence() -> dict[str, st.SearchStrategy[Any]]:
    lines = st.lists(TEXTS, max_size=3).map(tuple)
    first = st.integers(1, 10**6)
    return {"start_line": first, "lines": lines, "column": NUMBERS, "end_column": NUMBERS}


def _suggestion() -> dict[str, st.SearchStrategy[Any]]:
    lines = st.integers(1, 10**6)
    return {
        "replacement": TEXTS,
        "start_line": lines,
        "end_line": lines,
        "verified": st.booleans(),
    }


def coverages() -> st.SearchStrategy[Coverage]:
    """Make ledgers of up to eight units, over any mixture of states."""
    some = st.sets(st.sampled_from(UnitState), min_size=1).flatmap(
        lambda states: st.lists(entries(st.sampled_from(sorted(states))), max_size=8)
    )
    return st.builds(Coverage, entries=some.map(tuple))


def usages() -> st.SearchStrategy[Usage]:
    """Make usages, priced and not."""
    cost = st.none() | st.decimals(0, 10**9, places=12)
    names = ("calls", "input_tokens", "output_tokens", "cached_tokens")
    return st.builds(Usage, cost_usd=cost, **dict.fromkeys(names, COUNTS))


def reviews() -> st.SearchStrategy[Review]:
    """Make whole reviews."""
    revisions = st.none() | TEXTS
    # Of fixed offset: a time that its zone has twice is never equal in another one (PEP 495).
    offsets = st.integers(-14 * 60, 14 * 60).map(lambda one: timezone(timedelta(minutes=one)))
    started = st.datetimes(timezones=offsets | st.just(UTC))
    seconds = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
    return st.builds(
        Review,
        run_id=TEXTS,
        change=st.builds(ChangeSummary, title=TEXTS, base=revisions, head=revisions, files=COUNTS),
        findings=st.lists(findings(), max_size=3).map(tuple),
        coverage=coverages(),
        usage=usages(),
        dropped=st.dictionaries(TEXTS, COUNTS, max_size=3),
        isolation=st.sampled_from(["bwrap", "unshare", "none"]),
        timing=st.builds(Timing, started_at=started, seconds=seconds),
    )


def review(**fields: Any) -> Review:
    """Make a plain review of one unit, with other fields as given."""
    entry = CoverageEntry(path="a.py", hunk=0, state=UnitState.REVIEWED, by=("secrets",))
    return Review(
        **{
            "run_id": "r1",
            "change": ChangeSummary(title="Change", files=1),
            "coverage": Coverage(entries=(entry,)),
            "usage": Usage(calls=1, input_tokens=10, cost_usd=Decimal("0.0025")),
            "isolation": "none",
            "timing": Timing(started_at=datetime(2026, 1, 1, tzinfo=UTC), seconds=0.5),
            **fields,
        }
    )


def finding(**fields: Any) -> Finding:
    """Make a plain finding in the first line of a file, with other fields as given."""
    return Finding(
        **{
            "fingerprint": "f00d",
            "path": "a.py",
            "line": 1,
            "severity": Severity.LOW,
            "category": Category.STYLE,
            "rule": "acme/rule",
            "title": "title",
            "message": "message",
            **fields,
        }
    )
