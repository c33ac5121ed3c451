"""Uses the engine as a host would; mypy and pyright check it, and nothing runs it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_never, assert_type

import sqlalchemy
from pandas import DataFrame
from sqlalchemy.ext.asyncio import create_async_engine

import codeflow_engine as codeflow
from codeflow_engine.contracts import Pruned
from codeflow_engine.domain.coverage import CoverageEntry, UnitState
from codeflow_engine.domain.review import ChangeSummary, Timing
from codeflow_engine.domain.run import (
    AnalyzerFinished,
    ReviewJudged,
    RunEvent,
    RunFinished,
    RunRecord,
    RunStatus,
)
from codeflow_engine.reports import json as json_report
from codeflow_engine.reports import text as text_report
from codeflow_engine.sandbox import Isolation
from codeflow_engine.storage.sql import SQLCache, SQLSettings, SQLStorage
from codeflow_engine.storage.sql.migrate import SchemaVersion, check, upgrade


def in_synchronous_code(path: Path) -> dict[str, object]:
    """Every verb of the synchronous engine."""
    with codeflow.Engine(tenant="acme", logger=logging.getLogger("acme")) as engine:
        assert_type(engine, codeflow.Engine)
        review = engine.review(path, base="main", head="HEAD", analyzers=["secrets"], scope="file")
        assert_type(review, codeflow.Review)
        run = engine.submit("review", {"change": "."})
        assert_type(run, codeflow.Run)
        assert_type(run.id, str)
        assert_type(run.record, RunRecord)
        assert_type(run.status, RunStatus)
        assert_type(run.events(after=3), Iterator[RunEvent])
        assert_type(run.to_dataframe(), DataFrame)
        assert_type(review.to_dataframe(), DataFrame)
        assert_type(review.coverage.to_dataframe(), DataFrame)
        run.cancel()
        plan = engine.plan(review, change="o/r#1", policy=codeflow.PublishPolicy(fail_at=None))
        assert_type(plan, codeflow.Plan)
        assert_type(engine.plan(engine.fix(review), branch="fix"), codeflow.Plan)
        assert_type(engine.apply(plan), tuple[codeflow.Receipt, ...])
        assert_type(engine.run("id"), codeflow.Run)
        assert_type(engine.runs(status=RunStatus.FAILED), tuple[codeflow.Run, ...])
        assert_type(engine.isolation(), Isolation)
        for backend in engine.plugins.backends:
            assert_type(backend.name, str)
        for failure in engine.plugins.failures:
            assert_type(failure.error.message, str)
    text: str = json.dumps(review.to_json())
    assert_type(codeflow.Review.from_json(json.loads(text)), codeflow.Review)
    return dict(review.to_json())


async def in_asynchronous_code(patch: bytes) -> None:
    """Every verb of the asynchronous engine."""
    async with codeflow.AsyncEngine(storage="memory", vcs="git", secrets=["s3cr3t"]) as engine:
        assert_type(engine, codeflow.AsyncEngine)
        for change in (patch, patch.decode(), codeflow.Diff.parse(patch)):
            assert_type(await engine.review(change), codeflow.Review)
        run = await engine.submit("review", {"change": patch})
        assert_type(run, codeflow.AsyncRun)
        assert_type(run.events(), AsyncIterator[RunEvent])
        async for event in run.events():
            assert_type(told(event), str)
        assert_type(await run.to_dataframe(), DataFrame)
        review: codeflow.Review = await run.result()
        await dismiss(engine, review)
        await run.cancel()
        assert_type(await engine.run(run.id), codeflow.AsyncRun)
        assert_type(await engine.runs(), tuple[codeflow.AsyncRun, ...])
        assert_type(await engine.isolation(), Isolation)


def told(event: RunEvent) -> str:
    """Events are told apart by their class, and each has its own fields."""
    match event:
        case AnalyzerFinished(analyzer=analyzer, failure=failure):
            return assert_type(failure, str | None) or assert_type(analyzer, str)
        case ReviewJudged():
            return assert_type(event.outcome, codeflow.Outcome).value
        case RunFinished():
            return assert_type(event.status, RunStatus).value
        case _:
            return f"{event.sequence} {event.at:%H:%M}"


async def dismiss(engine: codeflow.AsyncEngine, review: codeflow.Review) -> None:
    """Dismissals come and go, and are exported; what is old is removed."""
    for finding in review.findings:
        made = await engine.dismiss(finding.fingerprint, reason="meant", author="ann")
        assert_type(made, codeflow.Dismissal)
        assert_type(made.scope, codeflow.DismissalScope)
        assert_type(made.expires_at, datetime | None)
    await engine.import_dismissals(await engine.dismissals())
    assert_type(await engine.restore("0f"), tuple[codeflow.Dismissal, ...])
    pruned = await engine.prune(before=datetime.now(UTC) - timedelta(days=30))
    assert_type(pruned, Pruned)
    assert_type(pruned.runs, int)


def on_handles_of_the_host() -> tuple[codeflow.AsyncEngine, codeflow.Engine]:
    """A storage is a URL, a storage, or an engine of SQLAlchemy."""
    database = sqlalchemy.create_engine("sqlite:///service.db")
    with database.begin() as connection:
        upgrade(connection)
        assert_type(check(connection), SchemaVersion)
    on_loop = create_async_engine("postgresql+asyncpg://localhost/service")
    storage = SQLStorage(on_loop, SQLSettings(pool_size=2))
    return (
        codeflow.AsyncEngine(storage=storage, cache=SQLCache(on_loop)),
        codeflow.Engine(storage=database, cache="sqlite:///cache.db"),
    )


def read(review: codeflow.Review) -> None:
    """What a review holds."""
    assert_type(review.run_id, str)
    assert_type(review.change, ChangeSummary)
    assert_type(review.outcome, codeflow.Outcome)
    assert_type(review.reason, str | None)
    assert_type(review.worst(), codeflow.Severity | None)
    assert_type(review.findings, tuple[codeflow.Finding, ...])
    assert_type(review.coverage, codeflow.Coverage)
    assert_type(review.coverage.uncovered, tuple[CoverageEntry, ...])
    assert_type(review.coverage.count(UnitState.FAILED), int)
    assert_type(review.usage, codeflow.Usage)
    assert_type(review.usage.cost_usd, Decimal | None)
    assert_type(review.dropped, Mapping[str, int])
    assert_type(review.isolation, str)
    assert_type(review.timing, Timing)
    for finding in review.findings:
        assert_type(finding.fingerprint, str)
        assert_type(finding.state, codeflow.FindingState)
        assert_type(finding.severity, codeflow.Severity)
        assert_type(finding.category, codeflow.Category)
        assert_type(finding.suggestion, codeflow.Suggestion | None)
        assert_type(finding.evidence, codeflow.Evidence | None)


def gate(outcome: codeflow.Outcome) -> int:
    """A host can see that it has thought of every outcome."""
    match outcome:
        case codeflow.Outcome.REVIEWED:
            return 0
        case codeflow.Outcome.PARTIAL | codeflow.Outcome.SKIPPED | codeflow.Outcome.FAILED:
            return 3
        case _:
            assert_never(outcome)


def render(review: codeflow.Review) -> str:
    """A review becomes its JSON form, and from that any report."""
    form = review.to_json()
    assert_type(form, dict[str, Any])
    assert_type(json_report.schema(), dict[str, Any])
    assert_type(json_report.render(form, encoding="ascii"), str)
    return text_report.render(form)


def handle_errors() -> float | None:
    """What a host catches."""
    try:
        asyncio.run(in_asynchronous_code(b""))
    except codeflow.errors.MissingDependencyError as error:
        assert_type(error.requires, str)
    except codeflow.errors.UnknownBackendError as error:
        assert_type(error.known, tuple[str, ...])
    except codeflow.errors.DiffError as error:
        assert_type(error.line, int)
    except codeflow.errors.CodeflowError as error:
        assert_type(error.retryable, bool)
        return error.retry_after
    return None
