"""Reviews in which models are asked, beside analyzers and alone."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine import AsyncEngine, Budget, Review
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.domain.coverage import Outcome, UnitState
from codeflow_engine.domain.run import ChunkInspected
from codeflow_engine.errors import ConfigurationError, UnknownBackendError
from codeflow_engine.testing.fakes import FakeLLM, Reviewer
from git_repository import GitRepository

BAD = {"eval": r"\beval\("}
PRICE = {"fake": {"input_usd_per_million": 1, "output_usd_per_million": 1}}


def files(count: int) -> dict[str, str]:
    """Make modules that are too large to share a chunk, each with one bad line."""
    return {
        f"pkg{number}/module.py": f"def run_{number}(given):\n"
        + "".join(f"    step_{line} = given + {line}\n" for line in range(140))
        + f"    return eval(given, {number})\n"
        for number in range(count)
    }


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """Give a repository with one commit."""
    made = GitRepository(tmp_path)
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit({"README": "shop\n"})
    return made


async def reviewed(repository: GitRepository, llm: Any, **options: Any) -> Review:
    async with AsyncEngine(llm=llm, **options) as engine:
        return await engine.review(repository.path, head="HEAD", analyzers=["secrets"])


async def test_a_model_finds_what_no_analyzer_looks_for(repository: GitRepository) -> None:
    """The finding stands on its line, and the ledger names the model beside the analyzer."""
    repository.commit(files(1))

    review = await reviewed(repository, FakeLLM(Reviewer(BAD)))

    (finding,) = review.findings
    assert (finding.path, finding.line, finding.rule) == ("pkg0/module.py", 142, "model/eval")
    assert review.outcome is Outcome.REVIEWED
    assert review.coverage.entries[0].by == ("model", "secrets")
    assert review.usage.calls == 1
    assert review.usage.input_tokens > 100


async def test_what_is_generated_is_not_shown_and_analyzers_look_at_it(
    repository: GitRepository,
) -> None:
    """The base says so, or the name; the ledger tells it, with who looked nevertheless."""
    repository.commit({".gitattributes": "*.sql linguist-generated\n"})
    repository.commit({"poetry.lock": "a = eval(1)\n", "db/all.sql": "select eval(1);\n"})
    llm = FakeLLM(Reviewer(BAD))

    review = await reviewed(repository, llm)

    assert llm.requests == []
    told = {entry.path: (entry.state, entry.reason, entry.by) for entry in review.coverage.entries}
    assert told == {
        "db/all.sql": (
            UnitState.EXCLUDED,
            "generated: linguist-generated in .gitattributes of the base",
            ("secrets",),
        ),
        "poetry.lock": (UnitState.EXCLUDED, "generated: 'poetry.lock'", ("secrets",)),
    }
    assert review.outcome is Outcome.REVIEWED


async def test_attributes_of_the_change_itself_hide_nothing(repository: GitRepository) -> None:
    """Whoever writes the change cannot keep its files from models."""
    repository.commit({".gitattributes": "* linguist-generated\n", "a.py": "x = eval(1)\n"})

    review = await reviewed(repository, FakeLLM(Reviewer(BAD)))

    assert [finding.path for finding in review.findings] == ["a.py"]


async def test_files_that_the_host_withholds_are_excluded_with_the_reason(
    repository: GitRepository,
) -> None:
    """Nothing of them is sent, also not beside other files."""
    repository.commit({"keys/a.py": "x = eval('top')\n", "b.py": "y = eval('low')\n"})
    llm = FakeLLM(Reviewer(BAD))

    review = await reviewed(repository, llm, withheld={"*": ["keys/"]})

    assert [finding.path for finding in review.findings] == ["b.py"]
    states = {entry.path: entry.state for entry in review.coverage.entries}
    assert states == {"keys/a.py": UnitState.EXCLUDED, "b.py": UnitState.REVIEWED}
    assert not any("top" in message.text for one in llm.requests for message in one.messages)


async def test_what_was_paid_in_vain_is_told(repository: GitRepository) -> None:
    """A model that keeps to no form is asked twice, and wants its money both times."""
    repository.commit(files(1))
    llm = FakeLLM(lambda request: "All is well.")

    review = await reviewed(repository, llm, models=PRICE)

    assert review.outcome is Outcome.PARTIAL
    assert len(llm.requests) == review.usage.calls == 2
    assert review.usage.input_tokens > 1_000
    assert review.usage.cost_usd is not None
    assert review.usage.cost_usd > 0


MOVED = """\
diff --git a/keys/a.py b/{path}
similarity index 80%
rename from keys/a.py
rename to {path}
--- a/keys/a.py
+++ b/{path}
@@ -1 +1,2 @@
 first = 1
+x = eval(first)
"""


@pytest.mark.parametrize(
    "withheld", [{"*": ["keys/"]}, {"fakellm:one": ["keys/"], "fakellm:two": ["shop/"]}]
)
async def test_a_file_is_withheld_for_the_name_that_it_had_too(
    withheld: dict[str, list[str]],
) -> None:
    """Where no model may see both names; a rule of the host's is no failure of the review."""
    llm = [FakeLLM(Reviewer(BAD), model=name) for name in ("one", "two")]

    async with AsyncEngine(llm=llm, withheld=withheld) as engine:
        review = await engine.review(MOVED.format(path="shop/a.py"), analyzers=["hygiene"])

    (entry,) = review.coverage.entries
    assert (entry.state, entry.by) == (UnitState.EXCLUDED, ("hygiene",))
    assert entry.reason == "withheld from every model by the host's rules"
    assert [request for one in llm for request in one.requests] == []
    assert review.outcome is Outcome.REVIEWED


async def test_a_file_that_only_one_model_may_see_is_shown_to_that_one() -> None:
    """The order of the models counts for the others."""
    blind, seeing = (FakeLLM(Reviewer(BAD), model=name) for name in ("one", "two"))

    async with AsyncEngine(llm=[blind, seeing], withheld={"fakellm:one": ["keys/"]}) as engine:
        review = await engine.review(MOVED.format(path="shop/a.py"), analyzers=[])

    assert [finding.line for finding in review.findings] == [2]
    assert (len(blind.requests), len(seeing.requests)) == (0, 1)


async def test_an_answer_that_is_used_twice_is_counted_once() -> None:
    """A patch may hold a file twice, in the same words: the second time costs nothing."""
    added = "".join(f"+step_{line} = given + {line}  # and some more\n" for line in range(120))
    once = f"--- a/till.py\n+++ b/till.py\n@@ -1 +1,121 @@\n first = 1\n{added}"
    llm = FakeLLM(Reviewer(BAD))

    async with AsyncEngine(llm=llm, models=PRICE) as engine:
        alone = await engine.review(once, analyzers=[])
        asked = len(llm.requests)
    async with AsyncEngine(llm=llm, models=PRICE) as engine:
        twice = await engine.review(once + once, analyzers=[])

    assert len(llm.requests) == 2 * asked
    assert twice.usage == alone.usage
    assert len(twice.coverage.entries) == 2


async def test_a_review_names_its_own_models_or_none(repository: GitRepository) -> None:
    """By their ids; what the engine was configured with is asked where nothing is said."""
    repository.commit(files(1))
    llm = FakeLLM(Reviewer(BAD))
    async with AsyncEngine(llm=llm) as engine:
        where = {"change": repository.path, "head": "HEAD", "analyzers": ["secrets"]}
        none = await engine.review(**where, llm=[])
        other = await engine.review(**where, llm="echo:echo")
        with pytest.raises(UnknownBackendError, match="nobody"):
            await engine.review(**where, llm="nobody:x")
        with pytest.raises(ConfigurationError, match="names, not a FakeLLM"):
            await engine.review(**where, llm=[llm])  # type: ignore[list-item]

    assert none.coverage.entries[0].by == ("secrets",)
    assert llm.requests == []
    assert other.usage.calls >= 1 or other.outcome is not Outcome.REVIEWED


async def test_money_that_ends_gives_a_partial_review(repository: GitRepository) -> None:
    """It holds what was paid for, and says of the rest which budget was too small."""
    repository.commit(files(6))
    llm = FakeLLM(Reviewer(BAD))
    async with AsyncEngine(llm=llm, models=PRICE) as engine:
        review = await engine.review(
            repository.path, head="HEAD", analyzers=[], budget=Budget(usd="0.012")
        )

    assert review.outcome is Outcome.PARTIAL
    assert 0 < len(llm.requests) < 6
    assert len(review.findings) == len(llm.requests)
    assert review.reason is not None
    assert "model: the budget of 'run:" in review.reason
    assert review.usage.cost_usd is not None
    assert 0 < review.usage.cost_usd < Decimal("0.012")


@pytest.mark.parametrize("parallel", [8, 1], ids=["same", "other-settings"])
async def test_a_review_that_is_taken_up_where_money_is_tight_goes_the_same_way(
    repository: GitRepository, tmp_path: Path, parallel: int
) -> None:
    """What had not begun for want of money does not begin before what waits for it."""
    repository.commit(files(16))
    storage = f"sqlite+aiosqlite:///{tmp_path / 'runs.db'}"
    answering, stuck = Reviewer(BAD), asyncio.Event()

    class Stopping(FakeLLM):
        async def complete(self, request: ChatRequest) -> ChatAnswer:
            await asyncio.sleep(0.05)
            if len(self.requests) == 7:
                stuck.set()
                await asyncio.Event().wait()
            return await super().complete(request)

    options: dict[str, Any] = {"models": PRICE, "storage": storage, "analyzers": []}
    async with AsyncEngine(llm=Stopping(answering), **options) as engine:
        await engine.migrate()
        given = {"change": repository.path, "head": "HEAD", "budget": {"usd": "0.028"}}
        run = await engine.submit("review", given)
        await asyncio.wait_for(stuck.wait(), 30)
        async for event in run.events():
            if isinstance(event, ChunkInspected) and event.number == 7:
                break
    settings = tmp_path / "settings.toml"
    settings.write_text(f"llm_parallel = {parallel}\n")
    async with AsyncEngine(llm=FakeLLM(answering), settings_file=settings, **options) as engine:
        review = await (await engine.run(run.id)).result()

    assert review.outcome is Outcome.PARTIAL
    assert review.usage.calls >= 7


@pytest.mark.parametrize("parallel", [8, 1], ids=["same", "other-settings"])
async def test_a_review_that_is_taken_up_by_others_asks_for_what_was_done(
    repository: GitRepository, tmp_path: Path, parallel: int
) -> None:
    """Chunks that were done beside one that was not are no obstacle, whoever goes on."""
    repository.commit(files(4))
    storage = f"sqlite+aiosqlite:///{tmp_path / 'runs.db'}"
    answering, begun = Reviewer(BAD), 0

    class Stopping(FakeLLM):
        async def complete(self, request: ChatRequest) -> ChatAnswer:
            nonlocal begun
            begun += 1
            if begun == 1:
                await asyncio.Event().wait()
            return await super().complete(request)

    options: dict[str, Any] = {"storage": storage, "analyzers": []}
    stopping = Stopping(answering)
    async with AsyncEngine(llm=stopping, **options) as engine:
        await engine.migrate()
        run = await engine.submit("review", {"change": repository.path, "head": "HEAD"})
        async for event in run.events():
            if isinstance(event, ChunkInspected) and event.number == 3:
                break
    settings = tmp_path / "settings.toml"
    settings.write_text(f"llm_parallel = {parallel}\n")
    llm = FakeLLM(answering)
    async with AsyncEngine(llm=llm, settings_file=settings, **options) as engine:
        review = await (await engine.run(run.id)).result()

    assert review.outcome is Outcome.REVIEWED
    assert (len(stopping.requests), len(llm.requests)) == (3, 1)


async def test_progress_tells_what_it_did_cost_so_far(repository: GitRepository) -> None:
    """Chunk by chunk, to the sum that the review tells."""
    repository.commit(files(3))
    async with AsyncEngine(llm=FakeLLM(Reviewer(BAD)), models=PRICE) as engine:
        run = await engine.submit("review", {"change": repository.path, "head": "HEAD"})
        events = [one async for one in run.events() if isinstance(one, ChunkInspected)]
        review = await run.result()

    assert [(one.number, one.chunks) for one in events] == [(1, 3), (2, 3), (3, 3)]
    calls = [one.usage.calls for one in events]
    assert (calls, calls[-1]) == (sorted(calls), 3)
    assert events[-1].usage.cost_usd == review.usage.cost_usd


async def test_a_second_look_drops_what_it_doubts(
    repository: GitRepository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Below the threshold, and counted; a second look that fails drops nothing."""
    repository.commit(files(1))
    settings = tmp_path_factory.mktemp("host") / "settings.toml"
    settings.write_text("critic = 0.5\n")
    doubting = Reviewer(BAD, agrees=0.3)

    def failing(request: Any) -> Any:
        if "verdicts" in (request.answer_schema or {}).get("properties", {}):
            return "I will not say."
        return doubting(request)

    doubted = await reviewed(repository, FakeLLM(doubting), settings_file=settings)
    failed = await reviewed(repository, FakeLLM(failing), settings_file=settings)

    assert doubted.findings == ()
    assert doubted.dropped == {"a second look did not confirm it": 1}
    assert len(failed.findings) == 1
    assert {doubted.outcome, failed.outcome} == {Outcome.REVIEWED}


async def test_a_model_that_can_hold_too_little_is_refused(repository: GitRepository) -> None:
    """Before it is asked anything."""
    repository.commit(files(1))
    llm = FakeLLM(Reviewer(BAD))

    with pytest.raises(ConfigurationError, match="a model holds 4,096 tokens"):
        await reviewed(repository, llm, models={"fake": {"context_window": 4096}})

    assert llm.requests == []


async def test_no_analyzer_can_speak_as_the_model(repository: GitRepository) -> None:
    """Its findings could not be told from those of a model."""
    repository.commit(files(1))
    async with AsyncEngine() as engine:
        with pytest.raises(ConfigurationError, match="no analyzer is called 'model'"):
            await engine.review(repository.path, head="HEAD", analyzers=["model"])
