"""`engine.preview` tells what models would be sent, and sends nothing."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cli_runs import LEAK_PATCH, TOKEN, commit, git, make_repository

import codeflow_engine as codeflow
from codeflow_engine.contracts import LLM, Chunk, Inspection, Strategy
from codeflow_engine.contracts.strategy import Ask
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason, Message, Role
from codeflow_engine.domain.coverage import UnitState
from codeflow_engine.domain.preview import ChangePreview, QuestionPreview
from codeflow_engine.domain.review import Outcome
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.plugins.registry import PluginRegistry
from codeflow_engine.settings import Settings

PRICE = {"input_usd_per_million": "1000000", "output_usd_per_million": "1000000"}
"""A dollar for each token."""

ANSWER = Settings().answer_tokens


class Untouched(LLM):
    """A model that must not be asked."""

    def __init__(self, model: str = "m", provider: str = "untouched") -> None:
        self._model, self._provider = model, provider

    @property
    def model(self) -> str:
        return self._model

    @property
    def provider(self) -> str:
        return self._provider

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        raise AssertionError("it was asked")


class Recording(LLM):
    """A model that keeps what it is asked, and finds nothing in what it has read."""

    def __init__(self) -> None:
        self.asked: list[ChatRequest] = []

    @property
    def model(self) -> str:
        return "m"

    @property
    def provider(self) -> str:
        return "recording"

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        self.asked.append(request)
        text = json.dumps({"findings": [], "examined": [*range(1, 100)]})
        usage = CallUsage(calls=1, input_tokens=10, output_tokens=10)
        return ChatAnswer(text=text, finish_reason=FinishReason.STOP, model="m", usage=usage)


class _Twice(Strategy):
    """Asks two things at once."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        questions = (
            ChatRequest(
                messages=(Message(role=Role.USER, text=text),),
                max_output_tokens=chunk.max_output_tokens,
            )
            for text in ("first", "second")
        )
        await asyncio.gather(*map(ask, questions), return_exceptions=True)
        return Inspection()


class _Mute(Strategy):
    """Asks nothing, and claims to have read everything."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        return Inspection(examined=chunk.units)


class _Broken(Strategy):
    """Has a defect."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        raise ZeroDivisionError


class Strategies:
    """Offers strategies."""

    @codeflow.hookimpl
    def codeflow_register(self, registry: PluginRegistry) -> None:
        for kind in (_Twice, _Mute, _Broken):
            registry.add_strategy(kind.__name__.removeprefix("_").lower(), kind)


def _said(question: QuestionPreview | ChatRequest) -> tuple[str, ...]:
    return tuple(message.text for message in question.messages)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Make a repository whose last commit changes more than one chunk holds."""
    repository = make_repository(tmp_path)
    policy = 'exclude = ["excluded.py"]\nrules = ["Amounts are integers of cents."]\n'
    commit(repository, "policy", {".codeflow.toml": policy})
    (repository / "logo.bin").write_bytes(bytes(range(256)))
    text = "".join(f"value_{number} = compute({number})\n" for number in range(120))
    files = {f"part-{number}.py": f"# Part {number}\n{text}" for number in range(6)}
    names = {"excluded.py": "x = 1\n", "package-lock.json": "{}\n"}
    commit(repository, "Grow", files | names)
    return repository


@pytest.fixture
def moved(tmp_path: Path) -> Path:
    """Make a repository in which a file was moved out of a directory, and changed."""
    repository = make_repository(tmp_path)
    text = "".join(f"line {number}\n" for number in range(20))
    (repository / "payroll").mkdir()
    (repository / "payroll" / "rates.py").write_text(text)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "Begin")
    git(repository, "mv", "payroll/rates.py", "rates.py")
    (repository / "rates.py").write_text(text + "one more\n")
    git(repository, "commit", "-qam", "Move")
    return repository


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Listen where a provider would ask."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        yield server


async def test_a_preview_tells_text_tokens_and_cost(tmp_path: Path) -> None:
    """The text is what a model would be sent, without its secrets; the most is that of all."""
    async with codeflow.AsyncEngine(
        llm=Untouched(), models={"untouched:m": PRICE}, secrets=["import os"]
    ) as engine:
        told = await engine.preview(LEAK_PATCH)

    [file], [question] = told.files, told.questions
    assert (file.path, file.models, dict(file.withheld)) == ("a.py", ("untouched:m",), {})
    assert (file.secrets, question.secrets, file.reason) == (2, 2, None)
    system, shown = question.messages
    assert "You review a change" in system.text
    assert TOKEN not in shown.text
    assert re.search(r"^\+KEY = \"\[redacted:[^]]+\]\"$", shown.text, re.MULTILINE)
    assert 0 < file.tokens < question.tokens == told.tokens
    assert file.most_usd == question.most_usd == told.most_usd
    assert question.most_usd == question.tokens + ANSWER


def test_the_sync_engine_previews_a_repository(moved: Path) -> None:
    """The verb is the same, over a path and revisions."""
    with codeflow.Engine(llm="echo:echo") as engine:
        told = engine.preview(moved, base="HEAD~1", head="HEAD")

    assert [file.path for file in told.files] == ["rates.py"]
    assert "+one more" in told.questions[0].messages[-1].text
    assert told.most_usd == 0
    plain = told.to_json()
    assert Decimal(plain["files"][0]["most_usd"]) == Decimal(plain["most_usd"]) == 0
    assert plain["tokens"] == told.tokens == plain["questions"][0]["tokens"]


@pytest.mark.parametrize("pattern", ["payroll/", "/rates.py"])
def test_a_moved_file_is_withheld_by_either_of_its_paths(moved: Path, pattern: str) -> None:
    """Its diff shows what stood at the old place, and what stands at the new one."""
    with codeflow.Engine(llm="echo:echo", withheld={"echo": [pattern]}) as engine:
        told = engine.preview(moved, base="HEAD~1", head="HEAD")

    [file] = told.files
    path = "payroll/rates.py" if pattern == "payroll/" else "rates.py"
    assert (file.models, dict(file.withheld)) == ((), {"echo:echo": path})
    assert file.reason == "withheld from every model by the host's rules"
    assert (told.questions, told.tokens, told.most_usd) == ((), 0, 0)


def test_a_file_that_is_withheld_by_its_old_path_is_excluded_from_a_review(moved: Path) -> None:
    """The review says so in its ledger, and is complete: nobody forgot it."""
    with codeflow.Engine(
        llm=Untouched(), withheld={"untouched": ["payroll/"]}, analyzers=["secrets"]
    ) as engine:
        review = engine.review(moved, base="HEAD~1", head="HEAD")

    [entry] = review.coverage.entries
    assert (review.outcome, entry.state) == (Outcome.REVIEWED, UnitState.EXCLUDED)
    assert "withheld from every model" in (entry.reason or "")


def test_a_file_goes_to_the_first_model_that_may_see_it(moved: Path) -> None:
    """A rule for one provider leaves the others; its cost is that of the one asked first."""
    dear, cheap = Untouched("dear"), codeflow.Echo("cheap")
    with codeflow.Engine(
        llm=[dear, cheap], models={"dear": PRICE}, withheld={"untouched": ["payroll/"]}
    ) as engine:
        told = engine.preview(moved, base="HEAD~1", head="HEAD")

    [file], [question] = told.files, told.questions
    assert file.models == question.models == ("echo:cheap",)
    assert dict(file.withheld) == dict(question.withheld) == {"untouched:dear": "payroll/rates.py"}
    assert file.most_usd == 0


async def test_a_preview_shows_what_a_review_sends(shop: Path) -> None:
    """The questions of a review are those of the preview before it, word for word."""
    model = Recording()
    async with codeflow.AsyncEngine(llm=model, analyzers=["secrets"]) as engine:
        told = await engine.preview(shop, base="HEAD~1", head="HEAD")
        review = await engine.review(shop, base="HEAD~1", head="HEAD")

    assert len(told.questions) > 1
    assert sorted(map(_said, told.questions)) == sorted(map(_said, model.asked))
    assert review.outcome is Outcome.REVIEWED
    reasons = {file.path: file.reason for file in told.files if file.reason}
    assert reasons == {
        "excluded.py": "excluded by 'excluded.py' in .codeflow.toml of the base",
        "package-lock.json": "generated: 'package-lock.json'",
        "logo.bin": "binary content",
    }
    system = told.questions[0].messages[0].text
    assert "- Amounts are integers of cents." in system


async def test_what_is_answered_costs_nothing_more(shop: Path) -> None:
    """After a review nothing would be sent again; after a push, what it has changed."""
    async with codeflow.AsyncEngine(
        llm=Recording(), models={"recording:m": PRICE}, analyzers=["secrets"]
    ) as engine:
        before = await engine.preview(shop, base="HEAD~1")
        await engine.review(shop, base="HEAD~1")
        after = await engine.preview(shop, base="HEAD~1")
        (shop / "part-3.py").write_text("x = 1\n")
        git(shop, "commit", "-qam", "Mend")
        pushed = await engine.preview(shop, base="HEAD~2")

    assert before.most_usd
    assert all(one.is_answered for one in after.questions)
    assert (after.tokens, after.most_usd) == (0, 0)
    assert {file.most_usd for file in after.files} == {0}
    new = [one for one in pushed.questions if not one.is_answered]
    assert len(new) == 1
    assert "part-3.py" in new[0].paths
    assert pushed.most_usd == new[0].most_usd


async def test_a_file_that_is_shown_in_part_says_so() -> None:
    """A line that no chunk can hold is told, and the rest of the file is shown."""
    long = "x" * 40_000
    patch = f"--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-one\n+two\n@@ -50 +50 @@\n-three\n+{long}\n"
    async with codeflow.AsyncEngine(llm="echo:echo") as engine:
        told = await engine.preview(patch)

    [file] = told.files
    assert file.models == ("echo:echo",)
    assert (file.reason or "").startswith("1 of 2 units are not shown: a line has about ")


async def test_placeholders_of_the_change_itself_are_no_secrets() -> None:
    """A change may speak of redaction; what stood there before is not counted."""
    patch = LEAK_PATCH.replace(" import os", ' import os  # "[redacted:password]"')
    async with codeflow.AsyncEngine(llm="echo:echo") as engine:
        told = await engine.preview(patch)

    assert told.questions[0].messages[-1].text.count("[redacted:") == 2
    assert (told.files[0].secrets, told.questions[0].secrets) == (1, 1)


async def test_all_that_a_strategy_asks_at_first_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its questions about a chunk is in the preview, and in the cost of its files."""
    monkeypatch.setenv("CODEFLOW_STRATEGY", "twice")
    async with codeflow.AsyncEngine(
        llm=Untouched(), models={"untouched:m": PRICE}, plugins=[Strategies()]
    ) as engine:
        twice = await engine.preview(LEAK_PATCH)

    assert [one.messages[0].text for one in twice.questions] == ["first", "second"]
    assert twice.tokens == sum(one.tokens for one in twice.questions)
    [file] = twice.files
    assert file.most_usd == twice.most_usd


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mute", "the strategy asks nothing"),
        ("broken", "model: the strategy crashed with ZeroDivisionError"),
    ],
)
async def test_a_strategy_that_asks_nothing_is_the_reason(
    monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    """Nothing is sent then, which the file says, and nothing else goes wrong."""
    monkeypatch.setenv("CODEFLOW_STRATEGY", name)
    async with codeflow.AsyncEngine(llm=Untouched(), plugins=[Strategies()]) as engine:
        told = await engine.preview(LEAK_PATCH)

    [file] = told.files
    assert (file.models, file.reason, told.questions) == ((), reason, ())


def test_a_provider_that_was_derived_is_held_to_the_rules_of_its_interface(moved: Path) -> None:
    """A host's own class asks the same place, so that the rules for it hold."""

    class Mine(codeflow.OpenAI):
        """As any company has one."""

    mine = Mine("gpt-5.1", api_key="sk-nobody")
    with codeflow.Engine(llm=mine, withheld={"openai": ["payroll/"]}) as engine:
        told = engine.preview(moved, base="HEAD~1", head="HEAD")

    assert dict(told.files[0].withheld) == {"mine:gpt-5.1": "payroll/rates.py"}


@pytest.mark.parametrize("name", ["opneai", "opneai:gpt-5.1", "OpenAI"])
def test_a_rule_for_nobody_is_refused(name: str) -> None:
    """It would protect nothing, and nobody would hear of it."""
    with pytest.raises(ConfigurationError, match=f"withheld from '{name}'"):
        codeflow.Engine(llm="echo:echo", withheld={name: ["payroll/"]})


@pytest.mark.parametrize("name", ["openai", "openai:gpt-5.1", "groq:any", "*", "echo:echo"])
def test_a_rule_for_a_provider_that_is_not_in_use_is_kept(name: str) -> None:
    """One file of settings serves engines with other models."""
    with codeflow.Engine(llm="echo:echo", withheld={name: ["payroll/"]}) as engine:
        assert engine.plugins.failures == ()


async def test_nothing_is_sent(listener: socket.socket, tmp_path: Path) -> None:
    """A whole preview opens no connection, and needs no key."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    async with codeflow.AsyncEngine(llm=codeflow.OpenAI("gpt-5.1", base_url=url)) as engine:
        told = await engine.preview(LEAK_PATCH)

    assert told.files[0].models == ("openai:gpt-5.1",)
    with pytest.raises(TimeoutError):
        listener.accept()


async def test_a_preview_is_kept_as_a_run_like_any_other(tmp_path: Path) -> None:
    """It comes back from the storage as it was, in another process, without a secret."""
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    async with codeflow.AsyncEngine(storage=url, llm="echo:echo") as first:
        run = await first.submit("preview", {"change": LEAK_PATCH})
        told = await run.result()
    async with codeflow.AsyncEngine(storage=url) as second:
        again: Any = await (await second.run(run.id)).result()

    assert isinstance(again, ChangePreview)
    assert again == told
    assert TOKEN.encode() not in (tmp_path / "runs.db").read_bytes()


async def test_a_preview_without_a_model_is_refused() -> None:
    """Nothing would be sent, whatever it is asked about."""
    async with codeflow.AsyncEngine() as engine:
        with pytest.raises(ConfigurationError, match="no model is configured"):
            await engine.preview(LEAK_PATCH)


async def test_a_preview_that_is_cancelled_leaves_no_run(moved: Path) -> None:
    """Nobody else knows of the run, so that it ends with the call."""
    async with codeflow.AsyncEngine(llm="echo:echo") as engine:
        task = asyncio.create_task(engine.preview(moved, base="HEAD~1", head="HEAD"))
        while not await engine.runs(status=RunStatus.RUNNING):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        [run] = await engine.runs()
        assert run.status is RunStatus.CANCELLED
