"""Our own reports, read back by the importer as those of any other tool."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine.contracts.analyzer import Analysis
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.coverage import Coverage, CoverageEntry, UnitState
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.domain.finding import (
    Category,
    Evidence,
    Finding,
    FindingState,
    RawFinding,
    Severity,
    Suggestion,
)
from codeflow_engine.domain.review import ChangeSummary, Review, Timing
from codeflow_engine.errors import AnalyzerError
from codeflow_engine.providers.analyzer.imported import ImportedAnalyzer, ImportedSettings
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.storage.memory import MemoryCache

LINE = "tw\U0001f600\u00e9 = token; three"
DIFF = (
    f"--- a/src/a.py\n+++ b/src/a.py\n@@ -1,2 +1,3 @@\n one = 1\n+{LINE}\n four = 4\n"
    "--- a/b \u00e9%41.py\n+++ b/b \u00e9%41.py\n@@ -1 +1 @@\n-x\n+y\n"
)
BASIC = Finding(
    fingerprint="f00d",
    path="src/a.py",
    line=2,
    severity=Severity.HIGH,
    category=Category.SECURITY,
    rule="secrets/token",
    title="Token in the code",
    message="Revoke it.",
    evidence=Evidence(start_line=1, lines=("one = 1", LINE), column=8, end_column=13),
    suggestion=Suggestion(replacement="two = 2", start_line=2, end_line=2),
    sources=("secrets",),
)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


def review_of(*findings: Finding, state: UnitState = UnitState.REVIEWED) -> Review:
    covered = state is UnitState.REVIEWED
    entry = CoverageEntry(
        path="src/a.py",
        hunk=0,
        state=state,
        reason=None if covered else "out of time",
        by=("secrets",) if covered else (),
    )
    return Review(
        run_id="run-1",
        change=ChangeSummary(files=2),
        findings=findings,
        coverage=Coverage(entries=(entry,)),
        isolation="none",
        timing=Timing(started_at=datetime(2026, 11, 23, tzinfo=UTC), seconds=0.5),
    )


async def read_back(
    tmp_path: Path, sandbox: Sandbox, review: Review, form: str
) -> tuple[RawFinding, ...]:
    async def unread(*_: Any) -> Any:
        raise AssertionError("no file is read")

    path = tmp_path / f"report.{form}"
    path.write_text(review.render(form), "utf-8")
    diff = Diff.parse(DIFF)
    change = Change(provider="git", target="/srv/shop", diff=diff)
    analysis = Analysis(change=change, units=diff.units, read_files=unread, cache=MemoryCache())
    settings = ImportedSettings(reports=(str(path),))
    return (await ImportedAnalyzer(settings).analyze(analysis, sandbox)).findings


@pytest.mark.parametrize("form", ["sarif", "rdjson"])
async def test_a_finding_comes_back_with_its_place_and_its_edit(
    tmp_path: Path, sandbox: Sandbox, form: str
) -> None:
    """Columns pass through points or bytes and are the same characters again."""
    (found,) = await read_back(tmp_path, sandbox, review_of(BASIC), form)

    assert (found.path, found.line, found.column, found.end_column) == ("src/a.py", 2, 8, 13)
    assert LINE[found.column - 1 : found.end_column - 1] == "token"
    assert found.suggestion == BASIC.suggestion
    assert found.severity is Severity.HIGH
    assert found.rule == "codeflow-engine/secrets/token"
    assert found.title == "Token in the code"
    assert found.message == "Token in the code\n\nRevoke it."


@pytest.mark.parametrize("severity", Severity)
async def test_sarif_keeps_the_severity_and_kind_of_security(
    tmp_path: Path, sandbox: Sandbox, severity: Severity
) -> None:
    """Only info becomes low: SARIF has no lower level for what is a problem."""
    made = review_of(dataclasses.replace(BASIC, severity=severity))
    (found,) = await read_back(tmp_path, sandbox, made, "sarif")

    expected = Severity.LOW if severity is Severity.INFO else severity
    assert found.severity is expected
    assert found.category is Category.SECURITY


@pytest.mark.parametrize("form", ["sarif", "rdjson"])
async def test_a_whole_file_and_an_old_line_come_back_without_a_line(
    tmp_path: Path, sandbox: Sandbox, form: str
) -> None:
    """A line before the change is not taken for one of the new file."""
    whole = dataclasses.replace(
        BASIC, path="b \u00e9%41.py", line=None, evidence=None, suggestion=None
    )
    old = dataclasses.replace(whole, line=1, side=Side.OLD)
    found = await read_back(tmp_path, sandbox, review_of(whole, old), form)

    assert [(one.path, one.side, one.line) for one in found] == [
        (whole.path, Side.NEW, None),
        (whole.path, Side.NEW, None),
    ]


@pytest.mark.parametrize("form", ["sarif", "rdjson"])
async def test_findings_that_do_not_count_do_not_come_back(
    tmp_path: Path, sandbox: Sandbox, form: str
) -> None:
    """What is dismissed or resolved here is not found anew there."""
    states = (FindingState.DISMISSED, FindingState.RESOLVED)
    made = review_of(*(dataclasses.replace(BASIC, state=state) for state in states))

    assert not await read_back(tmp_path, sandbox, made, form)


@pytest.mark.parametrize("form", ["sarif", "rdjson"])
@pytest.mark.parametrize("replacement", ["", "a\nb"])
async def test_deletions_and_longer_edits_come_back(
    tmp_path: Path, sandbox: Sandbox, form: str, replacement: str
) -> None:
    """Whole lines go, or others take their place."""
    edit = Suggestion(replacement=replacement, start_line=1, end_line=2)
    made = review_of(dataclasses.replace(BASIC, suggestion=edit))
    (found,) = await read_back(tmp_path, sandbox, made, form)

    assert found.suggestion == edit


@pytest.mark.parametrize("state", [UnitState.FAILED, UnitState.SKIPPED])
async def test_an_incomplete_review_is_no_clean_report(
    tmp_path: Path, sandbox: Sandbox, state: UnitState
) -> None:
    """The importer refuses the SARIF run that has failed, and finds the error in rdjson."""
    made = review_of(state=state)
    with pytest.raises(AnalyzerError, match="says that the tool has failed"):
        await read_back(tmp_path, sandbox, made, "sarif")
    (found,) = await read_back(tmp_path, sandbox, made, "rdjson")

    assert found.severity is Severity.HIGH
    assert found.message.startswith("REVIEW NOT COMPLETE")
