"""`engine.preview` tells what models would be sent, and sends nothing."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cli_runs import LEAK_PATCH, TOKEN, git, make_repository

import codeflow_engine as codeflow
from codeflow_engine.contracts import LLM
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.domain.preview import ChangePreview
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import ConfigurationError

PRICE = {"input_usd_per_million": "1000000", "output_usd_per_million": "1000000"}
"""A dollar for each token."""


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
    """The text is the diff without its secrets, and the cost that of its tokens."""
    async with codeflow.AsyncEngine(
        llm=Untouched(), models={"untouched:m": PRICE}, secrets=["import os"]
    ) as engine:
        told = await engine.preview(LEAK_PATCH)

    [file] = told.files
    assert (file.path, file.models, dict(file.withheld)) == ("a.py", ("untouched:m",), {})
    assert file.secrets == 2
    assert TOKEN not in file.text
    assert re.search(r"^\+KEY = \"\[redacted:[^]]+\]\"$", file.text, re.MULTILINE)
    assert file.usd == file.tokens > 0
    assert (told.tokens, told.usd) == (file.tokens, Decimal(file.tokens))


def test_the_sync_engine_previews_a_repository(moved: Path) -> None:
    """The verb is the same, over a path and revisions."""
    with codeflow.Engine(llm="echo:echo") as engine:
        told = engine.preview(moved, base="HEAD~1", head="HEAD")

    assert [file.path for file in told.files] == ["rates.py"]
    assert "+one more" in told.files[0].text
    assert told.usd == 0
    assert Decimal(told.to_json()["files"][0]["usd"]) == 0


@pytest.mark.parametrize("pattern", ["payroll/", "/rates.py"])
def test_a_moved_file_is_withheld_by_either_of_its_paths(moved: Path, pattern: str) -> None:
    """Its diff shows what stood at the old place, and what stands at the new one."""
    with codeflow.Engine(llm="echo:echo", withheld={"echo": [pattern]}) as engine:
        told = engine.preview(moved, base="HEAD~1", head="HEAD")

    [file] = told.files
    path = "payroll/rates.py" if pattern == "payroll/" else "rates.py"
    assert (file.models, dict(file.withheld)) == ((), {"echo:echo": path})
    assert (told.tokens, told.usd) == (0, 0)


def test_a_file_goes_to_the_first_model_that_may_see_it(moved: Path) -> None:
    """A rule for one provider leaves the others; its cost is that of the one asked first."""
    dear, cheap = Untouched("dear"), codeflow.Echo("cheap")
    with codeflow.Engine(
        llm=[dear, cheap], models={"dear": PRICE}, withheld={"untouched": ["payroll/"]}
    ) as engine:
        told = engine.preview(moved, base="HEAD~1", head="HEAD")

    [file] = told.files
    assert file.models == ("echo:cheap",)
    assert dict(file.withheld) == {"untouched:dear": "payroll/rates.py"}
    assert file.usd == 0


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
