"""A recorded run is played back offline, byte for byte, and holds no secret."""

from __future__ import annotations

import asyncio
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cassette_runs import OWN, PATCH, SECRET, form, leaky, talked, with_talk

from codeflow_engine import (
    AsyncEngine,
    Cassette,
    Engine,
)
from codeflow_engine.contracts import Analysis, AnalyzerReport
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.errors import (
    CassetteError,
    ChangeUnavailableError,
    ConfigurationError,
    QuotaExhaustedError,
)
from codeflow_engine.testing.fakes import FakeAnalyzer, FakeLLM
from git_repository import GitRepository

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
