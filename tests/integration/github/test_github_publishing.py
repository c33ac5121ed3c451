"""Reviews and patches, planned and applied by an engine on a forge, push after push."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from codeflow_engine import AsyncEngine, PublishPolicy, Severity
from codeflow_engine.contracts import Analysis, AnalyzerReport
from codeflow_engine.domain.diff import LineKind
from codeflow_engine.domain.finding import Category, RawFinding, Suggestion
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.fakes import FakeAnalyzer
from github_posting import HEAD, Desk

ALL = PublishPolicy(
    issues_at=Severity.HIGH, sarif=True, labels={"blocked": "failure", "fine": "success"}
)
MENDED = {**HEAD, "b.py": b"x = 'two'\n"}

type Engine = Callable[..., AsyncEngine]


def finder(analysis: Analysis) -> AnalyzerReport:
    """Find every added line that sets `x` to a number, and say what to write instead."""
    found = [
        RawFinding(
            rule="number",
            severity=Severity.HIGH,
            category=Category.CORRECTNESS,
            title="x is a number @ann #1",
            message="fixes #1: [write](https://evil.example) a word.\n```suggestion\nrm\n```",
            path=file.path,
            line=line.new_number,
            suggestion=Suggestion(
                replacement="x = 'two'",
                start_line=line.new_number or 0,
                end_line=line.new_number or 0,
            ),
        )
        for file in analysis.change.diff.files
        for hunk in file.hunks
        for line in hunk.lines
        if line.kind is LineKind.ADD and line.text.startswith("x = 2")
    ]
    return AnalyzerReport(findings=tuple(found), examined=analysis.units)


@pytest.fixture
def engine(desk: Desk) -> Engine:
    """Give what makes an engine with a storage of its own, as each run of a pipeline has."""
    credentials = desk.as_app()

    def make(storage: MemoryStorage | None = None) -> AsyncEngine:
        return AsyncEngine(
            vcs=desk.backend(**credentials),
            analyzers=[FakeAnalyzer(answer=finder)],
            plugins_allow=[],
            storage=storage or MemoryStorage(),
        )

    return make


async def publish(engine: AsyncEngine, desk: Desk, policy: PublishPolicy = ALL) -> list[str]:
    """Review and publish; give the kinds of what was written, and not found."""
    async with engine:
        plan = await engine.plan(await engine.review(desk.target), policy=policy)
        receipts = await engine.apply(plan)
    pairs = zip(plan.effects, receipts, strict=True)
    return [effect.kind.value for effect, receipt in pairs if not receipt.found]


async def test_all_that_is_planned_stands_on_the_forge(desk: Desk, engine: Engine) -> None:
    """A review with a suggestion to click, a report, a check, labels, an issue, and alerts."""
    written = await publish(engine(), desk)

    assert written == ["review", "summary", "check", "label", "issue", "sarif"]
    (comment,) = desk.comments()
    assert (comment.path, comment.body.count("```suggestion\nx = 'two'\n```")) == ("b.py", 1)
    assert "`@ann`" in comment.body
    assert len(desk.pull.reviews) == len(desk.pull.comments) == 1
    assert [issue.title for issue in desk.repository.issues if issue is not desk.pull] == [
        "High: x is a number `@ann` `#1`"
    ]


async def test_pushes_end_and_repeat_nothing_that_was_told(desk: Desk, engine: Engine) -> None:
    """The same head writes nothing, an open finding is not repeated, a mended one is resolved."""
    await publish(engine(), desk)
    again = await publish(engine(), desk)
    desk.repository.push(desk.number, {**HEAD, "b.py": b"y = 0\nx = 2\n"})
    moved = await publish(engine(), desk)
    desk.repository.push(desk.number, MENDED)
    mended = await publish(engine(), desk)

    assert again == []
    assert moved == ["summary", "check", "sarif"]
    assert mended == ["summary", "check", "label", "sarif", "resolution"]
    assert [thread.is_resolved for thread in desk.pull.threads] == [True]
    assert len(desk.pull.reviews) == len(desk.pull.comments) == 1

    desk.repository.push(desk.number, HEAD)
    assert "review" in await publish(engine(), desk)
    assert [thread.is_resolved for thread in desk.pull.threads] == [True, False]


@pytest.mark.parametrize("kept", [True, False])
async def test_g28_a_head_that_comes_back_is_told_again(
    desk: Desk, engine: Engine, *, kept: bool
) -> None:
    """What another head has replaced since is written anew, whoever had written it before."""
    bad, storage = desk.pull.head_sha, MemoryStorage()
    mended = desk.repository.push(desk.number, MENDED)

    for head in (bad, mended, bad):
        await asyncio.to_thread(move, desk, head)
        async with engine(storage if kept else None) as one:
            await one.apply(await one.plan(await one.review(desk.target), policy=ALL))

    (summary,) = desk.pull.comments
    assert summary.body.startswith("## Review complete: 1 finding")
    assert [thread.is_resolved for thread in desk.pull.threads] == [True, False]
    assert desk.pull.label_names == ("blocked",)


async def test_g28_a_summary_that_a_person_deleted_is_written_by_the_next_review(
    desk: Desk, engine: Engine
) -> None:
    """A plan of another review looks, also where it says the same as one that was applied."""
    storage = MemoryStorage()
    for _ in range(2):
        desk.pull.comments.clear()
        async with engine(storage) as one:
            await one.apply(await one.plan(await one.review(desk.target)))

    assert len(desk.pull.comments) == 1


def move(desk: Desk, head: str) -> None:
    """Push a head back to a commit that it had before, or on to a later one."""
    desk.repository.git.write_ref(f"refs/heads/{desk.pull.head_ref}", head)
    desk.forge.run(desk.repository.refresh(desk.pull.head_ref))


async def test_a_fix_becomes_a_branch_on_top_of_the_head(desk: Desk, engine: Engine) -> None:
    """With the files as the patch has them, after an approval."""
    async with engine() as mender:
        plan = await mender.plan(await mender.fix(await mender.review(desk.target)))
        run = await mender.submit("apply", {"plan": plan.to_json(), "approval": True})
        await run.approve(by="ann")
        (receipt,) = await run.result()

    made = desk.repository.branch(plan.effects[0].payload["branch"])
    assert receipt.external_id == f"commit:{made}"
    assert made != desk.pull.head_sha
    assert plan.head == desk.pull.head_sha
