"""What a replay does not ask, and what it says where a cassette does not hold an answer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cassette_runs import PATCH, form, leaky, talked, with_talk

from codeflow_engine import (
    AsyncEngine,
    Engine,
    RunContext,
)
from codeflow_engine.domain.effect import Receipt
from codeflow_engine.errors import (
    CassetteError,
    ConfigurationError,
)
from codeflow_engine.hosts.cli import main
from codeflow_engine.testing.examples import EXAMPLES
from codeflow_engine.testing.fakes import FakeAnalyzer, FakeHost, FakeLLM, FakeVCS
from git_repository import GitRepository


async def test_what_was_not_recorded_is_never_asked_for(
    git_repository: GitRepository, tmp_path: Path
) -> None:
    """A replay that asks for more says what, and what comes nearest; nobody live is asked."""
    leaky(git_repository)
    tape = tmp_path / "run.cassette"
    llm = FakeLLM(lambda _: "yes")
    async with with_talk(AsyncEngine(record=tape, llm=[llm], analyzers=["hygiene"])) as engine:
        await engine.review(git_repository.path)
        await talked(engine, "one")
    asked = len(llm.requests)

    async with with_talk(AsyncEngine(replay=tape, llm=[llm])) as engine:
        with pytest.raises(CassetteError, match=r"run review submit, with another input\.base"):
            await engine.review(git_repository.path, base="main")
        with pytest.raises(CassetteError, match=r"with another input\.analyzers"):
            await engine.review(git_repository.path, analyzers=["secrets"])
        assert await talked(engine, "one") == ["yes"]
        with pytest.raises(CassetteError, match="holds 1 answer to run talk submit, which was"):
            await talked(engine, "one")
    async with with_talk(AsyncEngine(replay=tape), lambda _: ["two"]) as engine:
        with pytest.raises(CassetteError, match=r"with another messages\[0\]\.text") as text:
            await talked(engine, "one")
    async with AsyncEngine(replay=tape, analyzers=["secrets"]) as engine:
        with pytest.raises(CassetteError, match="analyzer secrets get"):
            await engine.review(git_repository.path)

    error = text.value
    assert "two" not in error.message
    assert error.path == str(tape)
    assert error.asked == error.nearest
    assert len(llm.requests) == asked


async def test_effects_are_written_while_recording_alone(tmp_path: Path) -> None:
    """A plan that is applied in a replay gives the receipts of then, and writes nothing."""
    example = next(one for one in EXAMPLES if one.revisions[1])
    host = FakeHost(example)
    tape = tmp_path / "run.cassette"

    async def applied(engine: AsyncEngine) -> tuple[str, tuple[Receipt, ...]]:
        async with engine:
            review = await engine.review(example.name)
            return form(review), await engine.apply(await engine.plan(review))

    recorded = await applied(
        AsyncEngine(record=tape, vcs=FakeVCS(host), analyzers=[FakeAnalyzer()])
    )
    written = len(host.posts)

    played = await applied(AsyncEngine(replay=tape))

    assert played == recorded
    assert written == len(host.posts) == len(recorded[1])
    assert written > 0


async def test_programs_of_a_run_are_not_started_again(tmp_path: Path) -> None:
    """What a stage of a workflow runs in the sandbox is on the cassette, with its output."""
    tape = tmp_path / "run.cassette"

    def with_program(engine: AsyncEngine) -> AsyncEngine:
        @engine.workflow("program")
        async def ask(run: RunContext, given: dict[str, Any]) -> str:
            return await run.step("run", output, run, given["text"])

        return engine

    async def output(run: RunContext, text: str) -> str:
        sandbox = run.tools.sandbox
        done = await sandbox.run_python("base64", "-e", stdin=text.encode())
        return done.stdout.decode()

    async def told(engine: AsyncEngine) -> str:
        async with with_program(engine):
            run = await engine.submit("program", {"text": "one"})
            text: str = await run.result()
            return text

    recorded = await told(AsyncEngine(record=tape))
    text = tape.read_text()
    assert "b25l" in text
    tape.write_text(text.replace("b25l", "dHdv"))

    assert (recorded, await told(AsyncEngine(replay=tape))) == ("b25l\n", "dHdv\n")


async def test_a_question_is_found_whatever_its_fence_is_made_of(tmp_path: Path) -> None:
    """The mark of a fence comes from a key of the host, which no cassette holds."""
    tape = tmp_path / "run.cassette"
    texts = [
        f"----- change {digit * 32}\na = 1\n----- end of change {digit * 32}" for digit in "07"
    ]
    async with with_talk(AsyncEngine(record=tape, llm=[FakeLLM("fine")])) as engine:
        assert await talked(engine, texts[0]) == ["fine"]

    async with with_talk(AsyncEngine(replay=tape), lambda _: texts[1:]) as engine:
        assert await talked(engine, texts[0]) == ["fine"]


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("submit", {"value": 7}),
        ("names", {"value": "hygiene"}),
        ("get", {"value": [1]}),
        ("analyze", {"value": {"findings": 1}}),
        ("analyze", {"parts": [{"text": "more"}]}),
        ("isolation", {"value": "armour"}),
        ("seen", {"value": "soon"}),
    ],
)
async def test_an_answer_of_another_form_is_told_with_its_line(
    tmp_path: Path, method: str, fields: dict[str, Any]
) -> None:
    """What somebody has edited is an error of the file, and never another review."""
    tape = tmp_path / "run.cassette"
    patch = PATCH.format("a.py", "b")
    async with AsyncEngine(record=tape) as engine:
        await engine.review(patch)
    rows = [json.loads(line) for line in tape.read_text().splitlines()]
    # Of the readings of the clock the last one is a moment.
    number = max(at for at, row in enumerate(rows) if row.get("method") == method)
    rows[number] |= fields
    tape.write_text("".join(f"{json.dumps(row)}\n" for row in rows))

    async with AsyncEngine(replay=tape) as engine:
        with pytest.raises(CassetteError, match=f", line {number + 1}: .* is damaged") as raised:
            await engine.review(patch)

    assert raised.value.line == number + 1


async def test_an_analysis_that_is_missing_ends_the_review(tmp_path: Path) -> None:
    """It is no failed unit of a partial review, but an error of the cassette."""
    tape = tmp_path / "run.cassette"
    patch = PATCH.format("a.py", "b")
    async with AsyncEngine(record=tape, analyzers=["hygiene"]) as engine:
        await engine.review(patch)
    lines = tape.read_text().splitlines()
    kept = [line for line in lines[1:] if '"method":"analyze"' not in line]
    head = {**json.loads(lines[0]), "entries": len(kept)}
    tape.write_text("\n".join([json.dumps(head), *kept, ""]))

    async with AsyncEngine(replay=tape) as engine:
        with pytest.raises(CassetteError, match="analyzer hygiene analyze"):
            await engine.review(patch)


def test_an_engine_is_recorded_or_replayed(tmp_path: Path) -> None:
    """Both at once, a directory, and a place that is not there are refused before any work."""
    tape = tmp_path / "run.cassette"

    with pytest.raises(ConfigurationError, match="not both"):
        Engine(record=tape, replay=tape)
    with pytest.raises(ConfigurationError, match="is a directory"):
        Engine(record=tmp_path)
    with pytest.raises(ConfigurationError, match="there is no directory"):
        Engine(record=tmp_path / "missing" / "run.cassette")
    with pytest.raises(CassetteError, match="cannot be read"):
        Engine(replay=tape)


def test_a_file_that_cannot_be_written_in_the_end_is_told(tmp_path: Path) -> None:
    """A recording is never lost without a word, and leaves nothing half-written behind."""
    place = tmp_path / "place"
    place.mkdir()
    engine = Engine(record=place / "run.cassette", analyzers=["hygiene"])
    engine.review(PATCH.format("a.py", "b"))
    place.rmdir()

    with pytest.raises(CassetteError, match="cannot be written"):
        engine.close()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Give a way to run the program in this process."""

    def call(*words: str) -> tuple[int, str, str]:
        status = main(["review", *words])
        told = capsys.readouterr()
        return status, told.out, told.err

    return call


def test_the_command_records_and_replays(
    run: Callable[..., tuple[int, str, str]], git_repository: GitRepository, tmp_path: Path
) -> None:
    """The same words with --replay give the same report and exit status, also without git."""
    path, tape = str(leaky(git_repository).path), str(tmp_path / "run.cassette")
    words = (path, "--analyzer", "secrets", "--analyzer", "hygiene", "--format", "json")
    recorded = run(*words, "--record", tape)
    shutil.rmtree(path)

    played = run(*words, "--replay", tape)

    assert played == recorded
    assert recorded[0] == 1
    assert json.loads(recorded[1])["outcome"] == "reviewed"


def test_the_command_says_what_a_cassette_lacks(
    run: Callable[..., tuple[int, str, str]], git_repository: GitRepository, tmp_path: Path
) -> None:
    """What was not recorded is wrong usage, with the file and what was asked for."""
    path, tape = str(leaky(git_repository).path), str(tmp_path / "run.cassette")
    run(path, "--analyzer", "hygiene", "--record", tape)

    status, out, err = run(path, "--analyzer", "hygiene", "--head", "HEAD", "--replay", tape)

    assert (status, out) == (2, "")
    assert f"cassette {tape}: it does not hold what was asked" in err
    assert run(path, "--record", tape, "--replay", tape)[0] == 2
    assert run(path, "--dry-run", "--record", tape)[0] == 2
