"""`engine.describe`: all of a change is read, and what is not says why."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from reading_world import ReaderModel, engine_of, large_patch, patch, shown_paths

import codeflow_engine as codeflow
from codeflow_engine import Budget, Change, Diff
from codeflow_engine.domain.chat import ChatRequest
from codeflow_engine.domain.reading import ChangeLabel, UnreadKind
from codeflow_engine.errors import (
    BudgetExhaustedError,
    ConfigurationError,
    DisclosureError,
    ProviderUnavailableError,
    RefusedError,
)
from git_repository import GitRepository

SMALL = patch({"till.py": ["def total(rows):", "    return sum(rows)"], "README.md": ["A till."]})


async def test_a_change_that_fits_is_described_in_one_question() -> None:
    """The author's words, all files and the code stand in one question, whose answer counts."""
    model = ReaderModel()
    change = Change(
        provider=None,
        target="",
        title="Add a till",
        description="It counts.",
        diff=Diff.parse(SMALL),
    )
    async with engine_of(model) as engine:
        told = await engine.describe(change)

    [request] = model.requests
    assert request.prompt.startswith("describe/")
    assert "Add a till" in request.messages[-1].text
    assert "It counts." in request.messages[-1].text
    assert (told.title, told.summary) == ("Mend the till", "It mends 2 files.")
    assert [(one.path, one.summary) for one in told.walkthrough] == [
        ("till.py", "Mends till.py."),
        ("README.md", "Mends README.md."),
    ]
    assert told.labels == (ChangeLabel.BUG, ChangeLabel.TESTS)
    assert (told.unread, told.unjoined, told.is_complete) == ((), None, True)
    assert told.usage.calls == 1
    assert told.change.files == 2


async def test_a_large_change_is_read_in_parts_and_joined() -> None:
    """Each file is shown once, no part shows the author's words, and one question joins all."""
    model = ReaderModel()
    change = Change(provider=None, target="", title="Big", diff=Diff.parse(large_patch(20)))
    async with engine_of(model, room=1_500) as engine:
        told = await engine.describe(change)

    parts = model.asked("describe_part")
    paths = [path for request in parts for path in shown_paths(request)]
    assert len(parts) > 3
    assert sorted(paths) == [f"src/module_{number:02}.py" for number in range(20)]
    assert not any("Big" in request.messages[-1].text for request in parts)
    [joined] = model.asked("describe_join")
    assert "Big" in joined.messages[-1].text
    assert set(joined.paths) == set(paths)
    assert [one.path for one in told.walkthrough] == sorted(paths)
    assert all(one.summary == f"Mends {one.path}." for one in told.walkthrough)
    assert told.title == "Mend the till"
    assert told.is_complete
    assert told.usage.calls == len(model.requests) == len(parts) + 1


async def test_many_notes_are_joined_level_by_level() -> None:
    """Where the notes do not fit into one question, notes are made of notes, until they do."""

    def wordy(told: dict[str, Any], request: ChatRequest) -> dict[str, Any]:
        return {**told, "summary": f"{request.messages[-1].text[-60:]} " + "much is said " * 60}

    model = ReaderModel(changes=wordy)
    async with engine_of(model, room=1_000) as engine:
        told = await engine.describe(large_patch(40))

    counted = model.prompts()
    assert counted["describe_join"] > 2
    assert counted["describe_join"] < counted["describe_part"]
    assert told.is_complete
    assert len(told.walkthrough) == 40


async def test_notes_that_are_alike_are_asked_about_once() -> None:
    """A model that says the same of everything is asked the same once, on whatever level."""
    model = ReaderModel(changes=lambda told, _: {**told, "summary": "much is said " * 60})
    async with engine_of(model, room=1_000) as engine:
        told = await engine.describe(large_patch(110))

    texts = [request.messages[-1].text for request in model.requests]
    assert model.prompts()["describe_part"] > 64
    assert len(set(texts)) == len(texts)
    assert told.is_complete


async def test_what_money_does_not_reach_is_told() -> None:
    """Files beyond the budget are unread, with the reason, and the report says so first."""
    model = ReaderModel()
    async with engine_of(model, room=1_500) as engine:
        told = await engine.describe(large_patch(20), budget=Budget(usd="0.004"))

    read = {path for request in model.requests for path in shown_paths(request)}
    unread = {one.path for one in told.unread}
    assert read
    assert unread
    assert read | unread == {f"src/module_{number:02}.py" for number in range(20)}
    assert {one.kind for one in told.unread} == {UnreadKind.BUDGET}
    assert {one.path for one in told.walkthrough} == read
    assert not told.is_complete
    assert str(told).startswith("DESCRIPTION NOT COMPLETE")
    assert str(told).rstrip().endswith("not all of it" if told.unjoined is None else "its parts")
    assert told.usage.cost_usd is not None
    assert told.usage.cost_usd < Budget(usd="0.004").usd


async def test_money_goes_to_the_riskiest_also_where_it_takes_longer_to_ask() -> None:
    """A long part is looked through in threads, and a short one beside it is not."""
    long, short = "auth/login.py", "docs/first.md"
    said = "# the order is paid for by the customer when it has come"
    change = patch({long: [said] * 300, short: [said] * 150})
    model = ReaderModel()
    async with engine_of(model, room=10_000) as engine:
        told = await engine.describe(change, budget=Budget(usd="0.0092"))

    assert len(model.requests[0].messages[-1].text) > 16 * 1024  # of `llm.redacting`
    assert [shown_paths(request) for request in model.asked("describe_part")] == [[long]]
    assert [(one.path, one.kind) for one in told.unread] == [(short, UnreadKind.BUDGET)]


@pytest.mark.parametrize("change", [SMALL, large_patch(20)], ids=["whole", "parts"])
async def test_where_money_reaches_nothing_the_error_is_raised(change: str) -> None:
    """No description is made of nothing."""
    model = ReaderModel()
    async with engine_of(model, room=1_500) as engine:
        with pytest.raises(BudgetExhaustedError):
            await engine.describe(change, budget=Budget(usd="0.0000001"))

    assert model.requests == []


async def test_a_part_without_an_answer_fails_its_own_files_alone() -> None:
    """The others are described; the reason is told, and the description is not complete."""

    def refuse(request: ChatRequest) -> BaseException | None:
        lost = "src/module_07.py" in shown_paths(request)
        return RefusedError("the model declined") if lost else None

    model = ReaderModel(raises=refuse)
    async with engine_of(model, room=1_500) as engine:
        told = await engine.describe(large_patch(20))

    assert "src/module_07.py" in {one.path for one in told.unread}
    assert {one.kind for one in told.unread} == {UnreadKind.FAILURE}
    assert {one.reason for one in told.unread} == {"the model declined"}
    assert len(told.walkthrough) + len(told.unread) == 20
    assert not told.is_complete


async def test_where_nobody_joins_the_parts_stand_side_by_side() -> None:
    """What was said of the parts is not lost, and the description says what it is."""

    def refuse(request: ChatRequest) -> BaseException | None:
        joins = request.prompt.startswith("describe_join")
        return RefusedError("the model declined") if joins else None

    model = ReaderModel(raises=refuse)
    async with engine_of(model, room=1_500) as engine:
        told = await engine.describe(large_patch(20))

    assert told.unjoined == "the model declined"
    assert told.summary.count("It mends") == len(model.asked("describe_part"))
    assert told.labels == (ChangeLabel.BUG, ChangeLabel.TESTS)
    assert told.unread == ()
    assert not told.is_complete


async def test_where_all_parts_fail_the_error_is_raised() -> None:
    """A model that is away leads to no description."""
    model = ReaderModel(raises=lambda _: RefusedError("the model declined"))
    async with engine_of(model, room=1_500) as engine:
        with pytest.raises(RefusedError):
            await engine.describe(large_patch(20))


async def test_files_that_no_model_is_shown_are_told_with_the_reason() -> None:
    """Generated, withheld and binary ones are unread, nothing of them is sent; none is a gap."""
    binary = (
        "diff --git a/logo.png b/logo.png\nindex 1..2 100644\n"
        "Binary files a/logo.png and b/logo.png differ\n"
    )
    change = SMALL + patch({"poetry.lock": ["LOCKED"], "secret/keys.py": ["HIDDEN"]}) + binary
    model = ReaderModel()
    async with engine_of(model, withheld={"*": ["secret/"]}) as engine:
        told = await engine.describe(change)

    assert {one.path: one.kind for one in told.unread} == {
        "poetry.lock": UnreadKind.GENERATED,
        "secret/keys.py": UnreadKind.WITHHELD,
        "logo.png": UnreadKind.UNREADABLE,
    }
    [request] = model.requests
    assert not any(word in request.messages[-1].text for word in ("LOCKED", "HIDDEN", "secret/"))
    assert told.is_complete
    assert "3 left out" in str(told)


async def test_a_file_that_was_moved_out_of_a_withheld_place_is_withheld() -> None:
    """What stood there before is not shown either."""
    moved = (
        "diff --git a/secret/keys.py b/keys.py\nsimilarity index 90%\nrename from secret/keys.py\n"
        "rename to keys.py\n--- a/secret/keys.py\n+++ b/keys.py\n@@ -1 +1 @@\n-HIDDEN\n+SHOWN\n"
    )
    model = ReaderModel()
    async with engine_of(model, withheld={"*": ["secret/"]}) as engine:
        told = await engine.describe(SMALL + moved)

    assert [(one.path, one.kind) for one in told.unread] == [("keys.py", UnreadKind.WITHHELD)]
    assert model.prompts() == {"describe": 1}
    assert "HIDDEN" not in model.requests[0].messages[-1].text


async def test_a_change_that_nobody_may_see_is_an_error() -> None:
    """Nothing is asked, and nothing described."""
    model = ReaderModel()
    async with engine_of(model, withheld={"*": ["*"]}) as engine:
        with pytest.raises(DisclosureError):
            await engine.describe(SMALL)

    assert model.requests == []


async def test_a_change_with_nothing_to_read_costs_nothing() -> None:
    """A lock file alone is told as unread, without a question."""
    model = ReaderModel()
    async with engine_of(model) as engine:
        told = await engine.describe(patch({"poetry.lock": ["a"]}))

    assert model.requests == []
    assert [one.kind for one in told.unread] == [UnreadKind.GENERATED]
    assert told.walkthrough == ()
    assert told.summary == "Models are shown nothing of this change."


async def test_what_the_policy_of_the_base_excludes_is_told(git_repository: GitRepository) -> None:
    """The project's own rule keeps its files from models, and is named."""
    policy = 'exclude = ["data/**"]\n'
    git_repository.commit({".codeflow.toml": policy, "a.py": "x = 1\n"})
    git_repository.commit({"a.py": "x = 2\n", "data/rows.csv": "ROWS\n"}, "Mend x")
    model = ReaderModel()
    async with engine_of(model) as engine:
        told = await engine.describe(git_repository.path, head="HEAD")

    assert [(one.path, one.kind) for one in told.unread] == [("data/rows.csv", UnreadKind.EXCLUDED)]
    assert "ROWS" not in model.requests[0].messages[-1].text
    assert "Mend x" in model.requests[0].messages[-1].text


async def test_a_file_of_which_the_model_says_nothing_is_in_the_walkthrough() -> None:
    """It was read, so it stands there, and the reports say that nothing was said of it."""
    model = ReaderModel(changes=lambda told, _: {**told, "files": told["files"][:1]})
    async with engine_of(model) as engine:
        told = await engine.describe(SMALL)

    assert [one.summary for one in told.walkthrough] == ["", "Mends README.md."]
    assert "The model says nothing of it." in str(told)


async def test_the_same_change_is_paid_for_once() -> None:
    """Described again it costs nothing, and says the same."""
    model = ReaderModel()
    async with engine_of(model, room=1_500) as engine:
        first = await engine.describe(large_patch(20))
        asked = len(model.requests)
        again = await engine.describe(large_patch(20))

    assert len(model.requests) == asked
    assert again.usage.calls == 0
    assert (again.summary, again.walkthrough) == (first.summary, first.walkthrough)


@pytest.mark.parametrize("parallel", [8, 1], ids=["same", "other-settings"])
async def test_a_run_that_is_taken_up_again_pays_for_nothing_twice(
    tmp_path: Path, parallel: int
) -> None:
    """What was answered before the engine ended is not asked again by the next one."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'runs.db'}"
    kept = asyncio.Event()
    passed: list[str] = []

    class Stuck(ReaderModel):
        begun = 0

        async def complete(self, request: ChatRequest) -> Any:
            self.begun += 1
            if self.begun == 1 or len(self.requests) == 3:
                await asyncio.Event().wait()
            return await super().complete(request)

    def passes(point: str) -> None:
        passed.append(point)
        if passed.count("step.recorded:ask") == 3:
            kept.set()

    before, after = Stuck(), ReaderModel()
    async with engine_of(before, room=1_500, storage=url, points=passes) as engine:
        run = await engine.submit("describe", {"change": large_patch(20)})
        await asyncio.wait_for(kept.wait(), 20)
    settings = tmp_path / "settings.toml"
    settings.write_text(f"llm_parallel = {parallel}\n", "utf-8")
    async with engine_of(after, room=1_500, storage=url, settings_file=settings) as engine:
        told = await (await engine.run(run.id)).result()

    texts = [request.messages[-1].text for request in (*before.requests, *after.requests)]
    assert len(before.requests) == 3
    assert len(set(texts)) == len(texts)
    assert told.is_complete
    assert told.usage.calls == len(texts)


async def test_without_a_model_there_is_no_description() -> None:
    """The error names what to set."""
    async with codeflow.AsyncEngine() as engine:
        with pytest.raises(ConfigurationError, match="no model is configured"):
            await engine.describe(SMALL)


async def test_a_model_that_holds_too_little_is_told() -> None:
    """A window without room for the change is an error of the configuration."""
    async with engine_of(ReaderModel(), room=-1_500) as engine:
        with pytest.raises(ConfigurationError, match="leave"):
            await engine.describe(SMALL)


@pytest.mark.parametrize("given", [{}, {"change": SMALL, "analyzers": ["ruff"]}])
async def test_an_input_that_cannot_work_is_refused(given: dict[str, Any]) -> None:
    """What is missing or unknown is named before there is a run."""
    async with engine_of(ReaderModel()) as engine:
        with pytest.raises(ConfigurationError, match="a description takes"):
            await engine.submit("describe", given)


async def test_a_model_that_is_away_for_a_moment_costs_nothing_twice() -> None:
    """The gateway asks again, as for every question."""
    failures = [ProviderUnavailableError("away", retry_after=0.01)]
    model = ReaderModel(raises=lambda _: failures.pop() if failures else None)
    async with engine_of(model) as engine:
        told = await engine.describe(SMALL)

    assert len(model.requests) == 2
    assert told.is_complete
