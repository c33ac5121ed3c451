"""A recorded run is played back offline, byte for byte, and holds no secret."""

from __future__ import annotations

import asyncio
import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine import (
    AsyncEngine,
    Cassette,
    ChatRequest,
    Engine,
    Message,
    Review,
    Role,
    RunContext,
)
from codeflow_engine.contracts import Analysis, AnalyzerReport
from codeflow_engine.domain.effect import Receipt
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.errors import (
    CassetteError,
    ChangeUnavailableError,
    ConfigurationError,
    QuotaExhaustedError,
)
from codeflow_engine.hosts.cli import main
from codeflow_engine.testing.examples import EXAMPLES
from codeflow_engine.testing.fakes import FakeAnalyzer, FakeHost, FakeLLM, FakeVCS
from git_repository import GitRepository

SECRET = "ghp_" + "x7Kq9ZrT2mWv5LpB8nYc3HdF6jGs1QaE4uR0"
OWN = "our-own-Value-7731"
PATCH = "--- a/{0}\n+++ b/{0}\n@@ -1 +1,2 @@\n a = 1\n+{1}\n"

OFFLINE = """
import json, sys
from pathlib import Path

def refuse(event, arguments):
    if event in {"subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec", "socket.connect"}:
        raise SystemExit(f"a replay did {event} {arguments}")

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"ruff", "bandit", "git", "openai", "anthropic"}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Missing())
sys.addaudithook(refuse)
import codeflow_engine as codeflow

with codeflow.Engine(replay=sys.argv[1]) as engine:
    print(json.dumps(engine.review(sys.argv[2]).to_json()))
backends = ("vcs", "analyzer", "llm")
wings = [name for name in sys.modules if name.startswith("codeflow_engine.providers.")]
assert not [name for name in wings if name.split(".")[2] in backends], wings
"""
"""A program that plays back, and ends where anything but the cassette is asked."""


def question(text: str) -> ChatRequest:
    return ChatRequest(messages=(Message(role=Role.USER, text=text),), max_output_tokens=50)


def with_talk(
    engine: AsyncEngine, put: Callable[[list[str]], list[str]] = lambda texts: texts
) -> AsyncEngine:
    """Give an engine a workflow that asks all that it is given, at once, as `put` puts it."""

    @engine.workflow("talk")
    async def talk(run: RunContext, given: dict[str, Any]) -> list[str]:
        texts = put(given["questions"])
        asked = (run.ask(question(text), key=str(number)) for number, text in enumerate(texts))
        return [answer.text for answer in await run.together(asked)]

    return engine


async def talked(engine: AsyncEngine, *questions: str) -> list[str]:
    run = await engine.submit("talk", {"questions": [*questions]})
    answers: list[str] = await run.result()
    return answers


def form(review: Review) -> str:
    return json.dumps(review.to_json())


def leaky(repository: GitRepository) -> GitRepository:
    repository.commit({"a.py": "x = 1\n", "b.py": "y = 1\n"})
    repository.write(
        {
            "a.py": f"import os\nx = 1\nkey = '{SECRET}'\nassert x\nname = '{OWN}'\n",
            "b.py": "y = 1\nbreakpoint()\n",
        }
    )
    return repository


def test_a_review_is_played_back_offline_byte_for_byte(
    git_repository: GitRepository, tmp_path: Path
) -> None:
    """Without repository, git, network, analyzers and their processes it is the same review."""
    path = leaky(git_repository).path
    tape = tmp_path / "run.cassette"
    with Engine(record=tape, secrets=[OWN]) as engine:
        recorded = engine.review(path)
    shutil.rmtree(path)

    played = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tape), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (played.returncode, played.stderr) == (0, "")
    assert played.stdout == form(recorded) + "\n"
    assert {one.rule for one in recorded.findings} >= {"secrets/github-token", "ruff/F401"}


def test_a_recording_changes_no_finding(git_repository: GitRepository, tmp_path: Path) -> None:
    """Analyzers see the change as it is, and fingerprints are those of any other review."""
    path = leaky(git_repository).path
    with Engine(secrets=[OWN]) as engine:
        plain = engine.review(path)
    with Engine(record=tmp_path / "run.cassette", secrets=[OWN]) as engine:
        recorded = engine.review(path)

    assert recorded.findings == plain.findings
    assert recorded.coverage == plain.coverage


def test_no_secret_is_on_a_cassette(git_repository: GitRepository, tmp_path: Path) -> None:
    """Neither what the redactor knows, nor what it finds in code, questions, answers, errors."""
    path = leaky(git_repository).path
    tape = tmp_path / "run.cassette"
    empty = QuotaExhaustedError(f"the key {OWN} is empty")
    llm = FakeLLM(
        lambda request: empty if request.messages[-1].text == "and now?" else f"it is {SECRET}"
    )
    broken = FakeAnalyzer(answer=ValueError(SECRET))

    async def record() -> None:
        options: dict[str, Any] = {"llm": [llm], "analyzers": ["secrets", "ruff", broken]}
        async with with_talk(AsyncEngine(record=tape, secrets=[OWN], **options)) as engine:
            await engine.review(path)
            await talked(engine, f"what is {SECRET} and {OWN}?")
            with pytest.raises(QuotaExhaustedError):
                await talked(engine, "and now?")

    asyncio.run(record())

    text = tape.read_text(encoding="ascii")
    assert SECRET not in text
    assert OWN not in text
    assert "[redacted:github-token]" in text
    assert stat.S_IMODE(tape.stat().st_mode) == 0o600


async def test_questions_find_their_answers_in_any_order(tmp_path: Path) -> None:
    """Calls are found by what they ask; no provider is asked, and needs a key."""
    tape = tmp_path / "run.cassette"
    llm = FakeLLM(lambda request: f"re: {request.messages[-1].text}")
    async with with_talk(AsyncEngine(record=tape, llm=[llm])) as engine:
        recorded = await talked(engine, "one", "two", "three")
    asked = len(llm.requests)

    async with with_talk(AsyncEngine(replay=tape), lambda texts: texts[::-1]) as engine:
        played = await talked(engine, "one", "two", "three")

    assert recorded == ["re: one", "re: two", "re: three"]
    assert played == ["re: three", "re: two", "re: one"]
    assert len(llm.requests) == asked


async def test_runs_at_once_are_told_apart(tmp_path: Path) -> None:
    """Each of many reviews at once has its own id and times again, in another order, too."""
    tape = tmp_path / "run.cassette"
    patches = [PATCH.format(f"{name}.py", "breakpoint()") for name in "abcde"]
    async with AsyncEngine(record=tape, analyzers=["hygiene", "secrets"]) as engine:
        recorded = await asyncio.gather(*map(engine.review, patches))

    async with AsyncEngine(replay=tape) as engine:
        played = await asyncio.gather(*map(engine.review, reversed(patches)))

    assert [form(one) for one in reversed(played)] == [form(one) for one in recorded]
    assert len({one.run_id for one in recorded}) == len(patches)


async def test_two_engines_do_not_mix(tmp_path: Path) -> None:
    """Each recording holds the runs of its own engine alone."""
    places = [tmp_path / "one.cassette", tmp_path / "other.cassette"]
    one, other = (AsyncEngine(record=place, analyzers=["hygiene"]) for place in places)
    async with one, other:
        reviews = await asyncio.gather(
            one.review(PATCH.format("a.py", "b")), other.review(PATCH.format("c.py", "d"))
        )

    for review, place in zip(reviews, places, strict=True):
        seen = {entry.value for entry in Cassette.load(place).entries if entry.call.kind == "run"}
        assert seen & {each.run_id for each in reviews} == {review.run_id}


async def test_equal_reviews_find_themselves_one_after_the_other(tmp_path: Path) -> None:
    """The second of two equal reviews is played back second: what was new is open then."""
    tape = tmp_path / "run.cassette"
    quick = FakeAnalyzer()
    patch = PATCH.format("a.py", "b")
    async with AsyncEngine(record=tape, analyzers=[quick]) as engine:
        recorded = [form(await engine.review(patch)) for _ in range(2)]

    async with AsyncEngine(replay=tape) as engine:
        played = [form(await engine.review(patch)) for _ in range(2)]

    assert played == recorded
    assert len(set(recorded)) == 2


def crash(_: Analysis) -> AnalyzerReport:
    raise LookupError("quotes the change")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (crash, "it crashed with LookupError"),
        (ConfigurationError("no such file"), "no such file"),
        ("not a report", "it returned a str and no report"),
    ],
)
async def test_what_went_wrong_goes_wrong_again(tmp_path: Path, answer: Any, reason: str) -> None:
    """Errors of analyzers are in the ledger as they were."""
    tape = tmp_path / "run.cassette"
    given = (lambda _: answer) if isinstance(answer, str) else answer
    patch = PATCH.format("a.py", "b")
    async with AsyncEngine(record=tape, analyzers=[FakeAnalyzer(answer=given)]) as engine:
        recorded = await engine.review(patch)

    async with AsyncEngine(replay=tape) as engine:
        played = await engine.review(patch)

    assert reason in recorded.coverage.entries[0].reason
    assert form(played) == form(recorded)


class Slow(FakeAnalyzer):
    async def analyze(self, analysis: Analysis, sandbox: Any) -> AnalyzerReport:
        await asyncio.sleep(60)
        return await super().analyze(analysis, sandbox)


async def test_an_analyzer_that_was_late_is_late_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay waits for nobody, and says what was said."""
    monkeypatch.setenv("CODEFLOW_ANALYZER_TIMEOUT", "0.3")
    tape = tmp_path / "run.cassette"
    patch = PATCH.format("a.py", "b")
    async with AsyncEngine(record=tape, analyzers=[Slow()]) as engine:
        recorded = await engine.review(patch)
    monkeypatch.setenv("CODEFLOW_ANALYZER_TIMEOUT", "60")

    async with AsyncEngine(replay=tape) as engine:
        played = await asyncio.wait_for(engine.review(patch), 20)

    assert recorded.coverage.entries[0].reason == "slow: no answer within 0.3 s"
    assert form(played) == form(recorded)


async def test_errors_of_a_host_are_raised_again(tmp_path: Path) -> None:
    """A change that could not be had cannot be had, with the same words; it is recorded, too."""
    tape = tmp_path / "run.cassette"
    directory = tmp_path / "empty"
    directory.mkdir()
    async with AsyncEngine(record=tape) as engine:
        with pytest.raises(ChangeUnavailableError) as recorded:
            await engine.review(directory)

    async with AsyncEngine(replay=tape) as engine:
        with pytest.raises(ChangeUnavailableError) as played:
            await engine.review(directory)

    assert played.value.message == recorded.value.message


async def test_what_a_storage_knew_counts_again(
    git_repository: GitRepository, tmp_path: Path
) -> None:
    """A finding that was open stays open, though a replay has a storage that knows nothing."""
    git_repository.commit({"a.py": "a = 1\n"})
    git_repository.write({"a.py": "a = 1\nbreakpoint()\n"})
    url = f"sqlite:///{tmp_path / 'history.db'}"
    tape = tmp_path / "run.cassette"
    async with AsyncEngine(storage=url, analyzers=["hygiene"]) as engine:
        await engine.review(git_repository.path)
    async with AsyncEngine(storage=url, analyzers=["hygiene"], record=tape) as engine:
        recorded = await engine.review(git_repository.path)

    async with AsyncEngine(replay=tape) as engine:
        played = await engine.review(git_repository.path)

    assert [one.state.value for one in recorded.findings] == ["open"]
    assert form(played) == form(recorded)


async def test_a_recording_goes_with_its_checkout(
    git_repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths are kept from the directory of the engine, so that another checkout will do."""
    leaky(git_repository)
    tape = tmp_path / "run.cassette"
    monkeypatch.chdir(git_repository.path)
    async with AsyncEngine(record=tape, analyzers=["hygiene"]) as engine:
        recorded = await engine.review(".")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    async with AsyncEngine(replay=tape) as engine:
        played = await engine.review(".")

    assert form(played) == form(recorded)


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


async def test_a_secret_in_a_path_is_not_recorded(
    git_repository: GitRepository, tmp_path: Path
) -> None:
    """A path has to stay as it is, so a recording of it is refused; the file holds none of it."""
    git_repository.commit({"a.py": "a = 1\n"})
    git_repository.write({f"{OWN}.py": "a = 2\n"})
    tape = tmp_path / "run.cassette"
    async with AsyncEngine(record=tape, secrets=[OWN]) as engine:
        with pytest.raises(CassetteError, match="stands in a path"):
            await engine.review(git_repository.path)

    assert OWN not in tape.read_text()


async def test_a_quote_with_a_secret_keeps_its_place(tmp_path: Path) -> None:
    """A finding whose quote is redacted stands where its line says, now and then."""
    told = RawFinding(
        rule="odd",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        title="odd",
        message="odd",
        path="a.py",
        line=2,
        quote=f"key = '{SECRET}'",
    )
    tape = tmp_path / "run.cassette"
    patch = PATCH.format("a.py", told.quote)
    async with AsyncEngine(record=tape, analyzers=[FakeAnalyzer(told)]) as engine:
        recorded = await engine.review(patch)

    async with AsyncEngine(replay=tape) as engine:
        played = await engine.review(patch)

    assert [one.line for one in recorded.findings] == [2]
    assert form(played) == form(recorded)


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
