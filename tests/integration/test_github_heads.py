"""Heads that come while another one is published: what stands is never of two (D28, D29)."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import CodeflowError
from codeflow_engine.providers.vcs.github import GitHub, GitHubSettings
from codeflow_engine.runs.handle import AsyncRun
from codeflow_engine.testing.examples import ExampleFile
from codeflow_engine.testing.fakes import FakeLLM, Reviewer
from codeflow_engine.testing.forge import FakeForge, PullRequest
from codeflow_engine.testing.forge.faults import Act, Fault

NAME = "acme/shop"
BOT = "codeflow[bot]"
RIGHTS = dict.fromkeys(("checks", "contents", "issues", "pull_requests", "statuses"), "write")
GIVEN = {"change": f"{NAME}#1", "policy": {"labels": {"security": "security"}}}


def tree(number: int) -> dict[str, ExampleFile]:
    """Make the tree of a push: each one has a finding that the one before has not."""
    calls = "".join(f"step_{at} = eval(order.rule_{at})\n" for at in range(number))
    return {"shop/till.py": ExampleFile.of(f"import shop\n{calls}print(shop)\n")}


class Change:
    """A pull request whose head can be pushed from any thread."""

    def __init__(self, forge: FakeForge, place: Path) -> None:
        self.forge = forge
        self.repository = forge.repository(NAME)
        self.repository.open_pull_request(tree(0), tree(1))
        self.heads = [self.pull.head_sha]
        app = forge.app("codeflow", permissions=RIGHTS, on="acme")
        self._token = forge.tokens.of_job(app, NAME)
        self._url = f"sqlite:///{place / 'runs.db'}"

    @property
    def pull(self) -> PullRequest:
        return self.repository.pull(1)

    def push(self) -> None:
        self.heads.append(self.repository.push(1, tree(len(self.heads) + 1)))

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[AsyncEngine]:
        """Open a worker of the host."""
        url = self.forge.url
        vcs = GitHub(GitHubSettings(token=self._token, base_url=url, write_interval=0))
        llm = FakeLLM(Reviewer({"eval": r"\beval\("}))
        async with AsyncEngine(vcs=vcs, storage=self._url, llm=llm, analyzers=[]) as engine:
            yield engine
        await vcs.aclose()

    def check(self) -> None:
        """See that the last head has all that is its own, and no other one has any of it."""
        (summary,) = (one.body for one in self.pull.comments if one.user.login == BOT)
        assert self.heads[-1][:12] in summary
        assert not any(head[:12] in summary for head in self.heads[:-1])
        assert not self.pull.pending
        reviews = Counter(one.commit_id for one in self.pull.reviews)
        assert all(count == 1 for count in reviews.values())
        for review in self.pull.reviews:
            assert {one.original_commit_id for one in review.comments} <= {review.commit_id}
        lines = Counter(one.body.split("finding=")[1] for one in self.pull.review_comments)
        assert len(lines) == len(self.heads)
        assert set(lines.values()) == {1}
        checks = Counter(run.head_sha for run in self.repository.checks.runs)
        assert checks[self.heads[-1]] == 1
        assert set(checks) <= set(self.heads)
        assert set(checks.values()) == {1}
        assert self.pull.label_names == ("security",)


@pytest.fixture
def change(tmp_path: Path) -> Iterator[Change]:
    """Open a pull request on a forge."""
    with FakeForge() as forge:
        yield Change(forge, tmp_path)


async def ended(run: AsyncRun[Any]) -> RunStatus:
    """Wait for a run, however it ends."""
    with suppress(CodeflowError):
        await run.result()
    return run.status


def pushing(change: Change, number: int) -> Fault:
    """Push when a run asks for the write of a number."""
    return Fault(act=Act.CALL, method="P[OAU]*", path="/repos/*", on=number, call=change.push)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
async def test_d29_a_push_during_publishing_leaves_nothing_of_two_heads(
    change: Change, number: int
) -> None:
    """Whatever was written of the old head is its own; the rest is not written, or is replaced."""
    change.forge.faults.add(pushing(change, number))
    async with change.engine() as engine:
        first = await ended(await engine.submit("publish", GIVEN))
        assert len(change.heads) == 2
        assert first is RunStatus.FAILED or number == 4

        second = await ended(await engine.submit("publish", GIVEN))

    assert second is RunStatus.SUCCEEDED
    change.check()


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_d28_an_older_run_never_overwrites_the_newer_summary(
    change: Change, number: int
) -> None:
    """A worker stands still in a write while another one is told of the next head."""
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        change.push()
        reached.set()
        go_on.wait(90)

    change.forge.faults.add(
        Fault(act=Act.CALL, method="P[OAU]*", path="/repos/*", on=number, call=hold)
    )
    async with change.engine() as one, change.engine() as other:
        older = await one.submit("publish", GIVEN, key="older")
        await asyncio.to_thread(reached.wait, 30)
        newer = await other.submit("publish", GIVEN, key="newer")
        await asyncio.sleep(1.0)
        go_on.set()

        assert await ended(newer) is RunStatus.SUCCEEDED
        await ended(older)

    change.check()


async def test_d28_a_run_for_an_old_head_writes_nothing_after_the_new_one(change: Change) -> None:
    """What was planned for a head that is no more is refused whole."""
    async with change.engine() as engine:
        review = await engine.review(f"{NAME}#1")
        plan = await engine.plan(review)
        change.push()
        assert await ended(await engine.submit("publish", GIVEN)) is RunStatus.SUCCEEDED

        late = await engine.submit("apply", {"plan": plan.to_json()})

        assert await ended(late) is RunStatus.FAILED
    change.check()
    assert {one.commit_id for one in change.pull.reviews} == {change.heads[-1]}
