"""Budgets of reviews: what money reaches is the riskiest, and more money pays for the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codeflow_engine import AsyncEngine, Review
from codeflow_engine.domain.budget import Budget
from codeflow_engine.domain.coverage import UnitState
from codeflow_engine.domain.review import Outcome
from codeflow_engine.domain.run import ChunkInspected
from codeflow_engine.testing.fakes import FakeLLM, Reviewer
from git_repository import GitRepository

PLACES = (
    *("auth/login.py", "billing/invoice.py", "web/upload.py"),
    *("core/list.py", "shop/till.py", "views/page.py"),
    *("tests/test_list.py", "tests/test_till.py"),
    *("docs/first.md", "docs/second.md"),
)
"""Files by the risk in them; each makes a chunk."""

CHUNKS = len(PLACES)


class Desk:
    """One change on one database, reviewed again and again by engines with little money."""

    def __init__(self, repository: GitRepository, place: Path) -> None:
        self.repository = repository
        self.settings = place / "settings.toml"
        self.given: dict[str, Any] = {
            "storage": f"sqlite:///{place / 'codeflow.db'}",
            "analyzers": [],
            "settings_file": self.settings,
        }
        self.settings.write_text("chunk_tokens = 600\nanswer_tokens = 1000\n", "utf-8")
        repository.commit({name: text_of(name, "read") for name in PLACES})
        repository.commit({name: text_of(name, "eval") for name in PLACES})

    def engine(self, llm: FakeLLM | None = None, **options: Any) -> AsyncEngine:
        return AsyncEngine(llm=llm or model(), **self.given, **options)

    async def review(self, llm: FakeLLM, *, of_run: Budget | None = None, **options: Any) -> Review:
        async with self.engine(llm, **options) as engine:
            return await engine.review(self.repository.path, head="HEAD", budget=of_run)


def text_of(name: str, verb: str) -> str:
    return "".join(f"value_{at} = {verb}(order, '{name}', {at})\n" for at in range(8))


def model() -> FakeLLM:
    return FakeLLM(Reviewer({"eval": r"\beval\("}))


def asked(*models: FakeLLM) -> list[str]:
    """Name the files that models were asked about, in this order."""
    texts = [request.messages[-1].text for llm in models for request in llm.requests]
    return [name for text in texts for name in PLACES if f'"{name}"' in text]


def reached(review: Review) -> list[str]:
    states = {entry.path: entry.state for entry in review.coverage.entries}
    assert set(states.values()) <= {UnitState.REVIEWED, UnitState.FAILED}
    return [name for name in PLACES if states[name] is UnitState.REVIEWED]


def tokens(review: Review) -> int:
    return review.usage.input_tokens + review.usage.output_tokens


@pytest.fixture
def desk(git_repository: GitRepository, tmp_path: Path) -> Desk:
    return Desk(git_repository, tmp_path)


@pytest.fixture
async def each(tmp_path: Path, desk: Desk) -> int:
    """Tell what a chunk costs, from a review with enough money on a database of its own."""
    storage = f"sqlite:///{tmp_path / 'rich.db'}"
    llm = model()
    desk.given, given = {**desk.given, "storage": storage}, desk.given
    review = await desk.review(llm)
    desk.given = given
    assert review.outcome is Outcome.REVIEWED
    assert sorted(asked(llm)) == sorted(PLACES)
    return tokens(review) // CHUNKS


async def test_what_money_reaches_is_the_riskiest_and_a_top_up_pays_for_the_rest(
    desk: Desk, each: int
) -> None:
    """Chunks that were refused while others were under way come before less risky ones."""
    budget = {"month": Budget(tokens=5 * each + 1500)}
    first = model()
    short = await desk.review(first, budget=budget)
    (scope,) = {entry.reason.split("'")[1] for entry in short.coverage.entries if entry.reason}

    async with desk.engine() as engine:
        await engine.top_up(scope, Budget(tokens=CHUNKS * (each + 2000)))
    second = model()
    whole = await desk.review(second, budget=budget)

    assert short.outcome is Outcome.PARTIAL
    assert scope.startswith("month:")
    assert scope in str(short.reason)
    assert set(reached(short)) == set(asked(first))
    assert 3 <= len(reached(short)) < CHUNKS
    assert set(asked(first)) == set(PLACES[: len(asked(first))])
    assert whole.outcome is Outcome.REVIEWED
    assert sorted(asked(first, second)) == sorted(PLACES)
    assert len(whole.findings) == CHUNKS * 8


async def test_a_budget_of_the_run_alone_is_full_again_in_the_next_one(
    desk: Desk, each: int
) -> None:
    """Runs of the same small budget come to the end of the change, and pay nothing twice."""
    models: list[FakeLLM] = []
    outcomes: list[Outcome] = []
    while Outcome.REVIEWED not in outcomes:
        assert len(outcomes) < CHUNKS
        models.append(model())
        review = await desk.review(models[-1], of_run=Budget(tokens=3 * each + 1500))
        outcomes.append(review.outcome)
        assert tokens(review) <= 3 * each + 1500
        assert f"run:{review.run_id}" in (review.reason or "run:" + review.run_id)

    assert len(outcomes) >= 3
    assert sorted(asked(*models)) == sorted(PLACES)


async def test_progress_tells_what_was_spent_so_far(desk: Desk) -> None:
    """Each event has the number of all chunks, and the costs up to it."""
    price = {"input_usd_per_million": "1", "output_usd_per_million": "5"}
    async with desk.engine(models={"fake": price}) as engine:
        run = await engine.submit("review", {"change": desk.repository.path, "head": "HEAD"})
        events = [event async for event in run.events() if isinstance(event, ChunkInspected)]
        review = await run.result()

    assert [event.number for event in events] == [*range(1, CHUNKS + 1)]
    assert {event.chunks for event in events} == {CHUNKS}
    costs = [event.usage.cost_usd for event in events]
    assert None not in costs
    assert costs == sorted(costs, key=lambda cost: cost or 0)
    assert costs[0] != costs[-1] == review.usage.cost_usd
    assert events[-1].usage == review.usage


async def test_the_riskiest_is_paid_for_also_where_it_takes_longer_to_ask(
    git_repository: GitRepository, tmp_path: Path
) -> None:
    """A long question is looked through in threads, and a short one beside it is not."""
    settings = tmp_path / "settings.toml"
    settings.write_text("chunk_tokens = 12000\nanswer_tokens = 1000\n", "utf-8")
    long, short = "auth/login.py", "docs/first.md"
    texts = {long: text_of(long, "eval") * 28, short: text_of(short, "eval") * 8}
    git_repository.commit({name: text.replace("eval", "read") for name, text in texts.items()})
    git_repository.commit(texts)
    llm = model()
    async with AsyncEngine(llm=llm, analyzers=[], settings_file=settings) as engine:
        told = await engine.preview(git_repository.path, head="HEAD")
        budget = Budget(tokens=max(one.tokens for one in told.questions) + 1000)
        review = await engine.review(git_repository.path, head="HEAD", budget=budget)

    assert [one.paths for one in told.questions] == [(long,), (short,)]
    assert len(told.questions[0].messages[-1].text) > 16 * 1024  # of `llm.redacting`
    states = {entry.path: entry.state for entry in review.coverage.entries}
    assert states == {long: UnitState.REVIEWED, short: UnitState.FAILED}
