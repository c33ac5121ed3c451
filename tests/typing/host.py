"""Uses the engine as a host would; mypy checks it, and nothing runs it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import assert_type

from pandas import DataFrame

import codeflow_engine as codeflow
from codeflow_engine.domain.run import RunEvent, RunStatus
from codeflow_engine.sandbox import Isolation


def in_synchronous_code(path: Path) -> dict[str, object]:
    """Every verb of the synchronous engine."""
    with codeflow.Engine(tenant="acme", logger=logging.getLogger("acme")) as engine:
        assert_type(engine, codeflow.Engine)
        review = engine.review(path, base="main", head="HEAD", analyzers=["secrets"])
        assert_type(review, codeflow.Review)
        run = engine.submit("review", {"change": "."})
        assert_type(run, codeflow.Run)
        assert_type(run.id, str)
        assert_type(run.status, RunStatus)
        assert_type(run.events(after=3), Iterator[RunEvent])
        assert_type(run.to_dataframe(), DataFrame)
        assert_type(review.to_dataframe(), DataFrame)
        assert_type(review.coverage.to_dataframe(), DataFrame)
        run.cancel()
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
            assert_type(event.sequence, int)
        assert_type(await run.to_dataframe(), DataFrame)
        await run.cancel()
        assert_type(await engine.runs(), tuple[codeflow.AsyncRun, ...])
        assert_type(await engine.isolation(), Isolation)


def read(review: codeflow.Review) -> None:
    """What a review holds."""
    assert_type(review.outcome, codeflow.Outcome)
    assert_type(review.reason, str | None)
    assert_type(review.worst(), codeflow.Severity | None)
    assert_type(review.findings, tuple[codeflow.Finding, ...])
    assert_type(review.coverage, codeflow.Coverage)
    for finding in review.findings:
        assert_type(finding.severity, codeflow.Severity)
        assert_type(finding.category, codeflow.Category)
        assert_type(finding.suggestion, codeflow.Suggestion | None)
        assert_type(finding.evidence, codeflow.Evidence | None)


def handle_errors() -> float | None:
    """What a host catches."""
    try:
        asyncio.run(in_asynchronous_code(b""))
    except codeflow.errors.MissingDependencyError as error:
        assert_type(error.requires, str)
    except codeflow.errors.DiffError as error:
        assert_type(error.line, int)
    except codeflow.errors.CodeflowError as error:
        assert_type(error.retryable, bool)
        return error.retry_after
    return None
