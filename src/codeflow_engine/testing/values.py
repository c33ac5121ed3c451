"""Whole values with everything in them, for tests that need some."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from codeflow_engine import Category, Finding, Severity, Suggestion
from codeflow_engine.domain.coverage import Coverage, CoverageEntry, Outcome, UnitState
from codeflow_engine.domain.dismissal import Dismissal, DismissalScope
from codeflow_engine.domain.finding import Evidence
from codeflow_engine.domain.identity import KnownFinding, Traits
from codeflow_engine.domain.review import ChangeSummary, Review, Timing
from codeflow_engine.domain.run import (
    AnalyzerFinished,
    ChangeFetched,
    ChunkInspected,
    ReviewJudged,
    RunEvent,
    RunFinished,
    RunRecord,
    RunStarted,
    RunStatus,
    StepFinished,
    StepStarted,
)
from codeflow_engine.domain.usage import Usage

__all__ = ["NOON", "dismissal", "event", "events", "finding", "known", "review", "run"]

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""The moment around which everything happens."""


_EVENTS: tuple[tuple[type[RunEvent], dict[str, Any]], ...] = (
    (RunStarted, {"workflow": "review"}),
    (StepStarted, {"step": "fetch"}),
    (StepFinished, {"step": "fetch", "seconds": 0.25}),
    (ChangeFetched, {"title": "Mend the till\n\x1b[31m", "files": 2, "units": 3}),
    (StepStarted, {"step": "analyze", "key": "secrets"}),
    (AnalyzerFinished, {"analyzer": "secrets", "findings": 0, "examined": 0, "failure": "crash"}),
    (StepFinished, {"step": "analyze", "key": "secrets", "seconds": 1.5, "error": "OSError"}),
    (
        ChunkInspected,
        {"number": 1, "chunks": 2, "units": 3, "findings": 1, "usage": Usage(calls=1)},
    ),
    (ReviewJudged, {"outcome": Outcome.FAILED, "reason": "nobody looked", "findings": 0}),
    (RunFinished, {"status": RunStatus.FAILED, "error": "SandboxError: no interpreter"}),
)


def run(run_id: str, tenant: str = "a", *, minutes: int = 0, **fields: Any) -> RunRecord:
    """Make a pending run, created some minutes after `NOON`; fields are those of the record."""
    at = NOON + timedelta(minutes=minutes)
    given: dict[str, Any] = {
        "run_id": run_id,
        "workflow": "review",
        "version": 1,
        "tenant": tenant,
        "input": {"change": ".", "nested": {"list": [1, 2.5, None, True], "text": "é\U0001f600"}},
        "created_at": at,
        "updated_at": at,
    }
    return RunRecord(**(given | fields))


def event(run_id: str, sequence: int, **fields: Any) -> RunEvent:
    """Make an event of a run; fields are those of `StepStarted`."""
    at = NOON + timedelta(seconds=sequence)
    return StepStarted(**{"run_id": run_id, "sequence": sequence, "at": at, "step": "s", **fields})


def events(run_id: str) -> list[RunEvent]:
    """Make the events of a whole run that failed: every kind of event, in a likely order."""
    return [
        kind(run_id=run_id, sequence=number, at=NOON + timedelta(seconds=number), **fields)
        for number, (kind, fields) in enumerate(_EVENTS, 1)
    ]


def review(run_id: str, title: str = "Change") -> Review:
    """Make a partial review with a finding and everything that a finding may have."""
    covered = CoverageEntry(path="a.py", hunk=0, state=UnitState.REVIEWED, by=("secrets",))
    missing = CoverageEntry(path="b.bin", state=UnitState.SKIPPED, reason="binary")
    finding = Finding(
        fingerprint="f00d",
        path="a.py",
        line=3,
        end_line=4,
        severity=Severity.HIGH,
        category=Category.SECURITY,
        rule="secrets/token",
        title="A token",
        message="Revoke it.\nThen rotate.",
        evidence=Evidence(start_line=2, lines=("", "\tx = 1"), column=2, end_column=3),
        suggestion=Suggestion(replacement="", start_line=3, end_line=4),
        confidence=0.1 + 0.2,
        sources=("secrets",),
    )
    return Review(
        run_id=run_id,
        change=ChangeSummary(title=title, base="b" * 40, head=":worktree", files=2),
        findings=(finding,),
        coverage=Coverage(entries=(covered, missing)),
        usage=Usage(calls=1, input_tokens=2**40, cost_usd=Decimal("0.000000001")),
        dropped={"secrets: the line is not in the change": 2},
        isolation="bwrap",
        timing=Timing(started_at=NOON, seconds=1.5),
    )


def finding(fingerprint: str = "f00d", **fields: Any) -> Finding:
    """Make a finding; fields are those of the value."""
    given: dict[str, Any] = {
        "fingerprint": fingerprint,
        "path": "a.py",
        "line": 3,
        "severity": Severity.LOW,
        "category": Category.STYLE,
        "rule": "hygiene/space",
        "title": "A space",
        "message": "Remove it.",
    }
    return Finding(**(given | fields))


def known(
    fingerprint: str, change: str = "c1", *, run_id: str = "r1", minutes: int = 0, **fields: Any
) -> KnownFinding:
    """Make what a storage knows of a finding; fields are those of the finding."""
    return KnownFinding(
        change=change,
        finding=finding(fingerprint, **fields),
        traits=Traits(code="x=1", before=("def f():",), after=("", "y")),
        first_run="r0",
        last_run=run_id,
        seen_at=NOON + timedelta(minutes=minutes),
    )


def dismissal(
    fingerprint: str, where: str | None = None, *, ends: int | None = None, **fields: Any
) -> Dismissal:
    """Make a dismissal of a change, or of the tenant where no place is given."""
    given: dict[str, Any] = {
        "fingerprint": fingerprint,
        "scope": DismissalScope.TENANT if where is None else DismissalScope.CHANGE,
        "where": where,
        "reason": "a test's own key",
        "author": "ada",
        "created_at": NOON,
        "expires_at": None if ends is None else NOON + timedelta(minutes=ends),
    }
    return Dismissal(**(given | fields))
