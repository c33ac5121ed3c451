"""What a model finds, known again over pushes though it says it in other words each time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from codeflow_engine import AsyncEngine, Review
from codeflow_engine.contracts import Analysis, AnalyzerReport
from codeflow_engine.domain.chat import ChatRequest
from codeflow_engine.domain.diff import LineKind
from codeflow_engine.domain.finding import Category, FindingState, RawFinding, Severity
from codeflow_engine.domain.review import Outcome
from codeflow_engine.testing.fakes import FakeAnalyzer, FakeLLM, Reviewer
from git_repository import GitRepository

RULES = ("eval-of-order", "arbitrary-code", "unsafe-eval", "injection")
SEVERITIES = (Severity.HIGH, Severity.CRITICAL, Severity.MEDIUM)
FILLER = "".join(f"step_{number}(order)\n" for number in range(30))
WORK = (
    FILLER.replace("step_7(order)\n", "step_7(order)\ntotal = eval(order.first)\n")
    .replace("step_9(order)\n", "step_9(order)\nrebate = eval(order.second)\n")
    .replace("step_22(order)\n", "step_22(order)\ntotal = eval(order.first)\n")
)


def states(review: Review) -> list[tuple[str, FindingState]]:
    return sorted((one.fingerprint, one.state) for one in review.findings)


class Rewording:
    """A branch whose pushes are reviewed by a model that has other words for each of them."""

    def __init__(self, repository: GitRepository, place: Path) -> None:
        self.repository = repository
        self.url = f"sqlite:///{place / 'codeflow.db'}"
        self.said: list[set[str]] = []

    async def review(self, number: int, **options: object) -> Review:
        """Review with an engine and a model of their own; the model is asked each time."""
        rule = RULES[number % len(RULES)]
        severity = SEVERITIES[number % len(SEVERITIES)]
        llm = FakeLLM(Reviewer({rule: r"\beval\("}, seed=number, severity=severity))
        given: dict[str, object] = {"analyzers": [], **options}
        async with AsyncEngine(llm=llm, storage=self.url, **given) as engine:  # type: ignore[arg-type] # any of its options
            found = await engine.review(self.repository.path, base="main", head="work")
        assert found.outcome is Outcome.REVIEWED
        assert llm.requests
        self.said.append({f"{one.rule} {one.title} {one.message}" for one in found.findings})
        return found

    def push(self, number: int, path: str) -> str:
        """Shift, edit, rename or rebase, so that the model has to be asked again."""
        text = (self.repository.path / path).read_text("utf-8")
        if number % 4 == 0:
            text = f"# push {number}\n{text}"
        elif number % 4 == 1:
            text = text.replace("step_8", f"step_8_{number}").replace("order.first", "order.head")
        elif number % 4 == 2:
            self.repository.git("mv", path, f"b{number}.py")
            path = f"b{number}.py"
        else:
            self.repository.git("switch", "--quiet", "main")
            self.repository.commit({"other.py": f"upstream = {number}\n"})
            self.repository.git("switch", "--quiet", "work")
            self.repository.git("rebase", "--quiet", "main")
            text = text.replace("step_23(order", f"step_23(order, {number}", 1)
        self.repository.commit({path: text})
        return path


@pytest.fixture
def rewording(git_repository: GitRepository, tmp_path: Path) -> Rewording:
    git_repository.commit({"a.py": FILLER})
    git_repository.git("switch", "--quiet", "--create", "work")
    git_repository.commit({"a.py": WORK})
    return Rewording(git_repository, tmp_path)


@pytest.mark.parametrize("pushes", [4, pytest.param(16, marks=pytest.mark.fault)])
async def test_a_rewording_model_finds_each_thing_once_in_some_pushes(
    rewording: Rewording, pushes: int
) -> None:
    """Rule, title, message and severity vary; dismissed findings come back 0 times."""
    first, second, third = [name for name, _ in states(await rewording.review(0))]
    async with AsyncEngine(storage=rewording.url) as engine:
        await engine.dismiss(first, reason="wanted here", author="ann", scope="change")
    expected = sorted(
        {
            first: FindingState.DISMISSED,
            second: FindingState.OPEN,
            third: FindingState.OPEN,
        }.items()
    )
    path = "a.py"
    for number in range(1, pushes + 1):
        path = rewording.push(number - 1, path)
        assert states(await rewording.review(number)) == expected, number

    assert len(set.union(*rewording.said)) >= pushes
    text = (rewording.repository.path / path).read_text("utf-8").replace("eval(", "int(")
    rewording.repository.commit({path: text})
    mended = [(second, FindingState.RESOLVED), (third, FindingState.RESOLVED)]
    assert states(await rewording.review(pushes + 1)) == sorted(mended)


async def test_a_model_and_an_analyzer_that_say_the_same_are_one_finding(
    rewording: Rewording,
) -> None:
    """It has both sources and the words of the tool, and stays known whoever is heard later."""
    tool = FakeAnalyzer(answer=find_evals)
    both = await rewording.review(0, analyzers=[tool])
    rewording.push(0, "a.py")
    alone = await rewording.review(1)
    rewording.push(1, "a.py")
    again = await rewording.review(2, analyzers=[tool])

    assert [one.sources for one in both.findings] == [(tool_name(both), "model")] * 3
    assert {one.rule for one in both.findings} == {f"{tool_name(both)}/B307"}
    names = [name for name, _ in states(both)]
    assert states(alone) == [(name, FindingState.OPEN) for name in names]
    assert states(again) == [(name, FindingState.OPEN) for name in names]
    assert [one.sources for one in again.findings] == [(tool_name(both), "model")] * 3


def find_evals(analysis: Analysis) -> AnalyzerReport:
    """Find what the model finds, under the name that a check has always."""
    findings = [
        RawFinding(
            rule="B307",
            severity=Severity.MEDIUM,
            category=Category.SECURITY,
            title="Use of possibly insecure function",
            message="Consider something that evaluates literals alone.",
            path=file.path,
            line=line.new_number,
        )
        for file in analysis.change.diff.files
        for hunk in file.hunks
        for line in hunk.lines
        if line.kind is LineKind.ADD and "eval(" in line.text
    ]
    return AnalyzerReport(findings=tuple(findings), examined=analysis.units)


def tool_name(review: Review) -> str:
    (name,) = {source for one in review.findings for source in one.sources} - {"model"}
    return name


class TwoChunks:
    """A model that speaks of one line, whichever part of the file it is shown."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, request: ChatRequest) -> str:
        self.asked += 1
        shown = request.messages[-1].text
        parts = [number for number in range(1, 99) if f"\nPart {number}:" in f"\n{shown}"]
        finding = {
            "part": 1,
            "path": "shop.py",
            "quote": "    return eval(order.price)",
            "side": "new",
            "severity": "high",
            "category": "security",
            "rule": RULES[self.asked],
            "title": f"{'Unsafe call' if self.asked % 2 else 'Executes what users send'}",
            "message": "Nobody checks it." if self.asked % 2 else "Anything may be run.",
            "confidence": 0.9,
            "replacement": None,
        }
        return json.dumps({"findings": [finding], "examined": parts})


async def test_two_chunks_that_report_one_line_in_other_words_are_one_finding(
    git_repository: GitRepository,
) -> None:
    """A function is shown around each of its hunks, so that two chunks may speak of a line."""
    body = [f"    step_{number}(order)\n" for number in range(40)]
    git_repository.commit({"shop.py": "".join(["def price(order):\n", *body])})
    worse = body.copy()
    worse[4] = "    started = order.begin(now, then, always)\n"
    worse[-1] = "    return eval(order.price)\n"
    git_repository.commit({"shop.py": "".join(["def price(order):\n", *worse])})
    model = TwoChunks()
    settings = {"chunk_tokens": 150}

    found = await review_with(git_repository, model, settings)

    assert model.asked == 2
    assert found.outcome is Outcome.REVIEWED
    assert [(one.line, one.sources) for one in found.findings] == [(41, ("model",))]
    assert found.dropped == {}


async def review_with(
    repository: GitRepository, model: TwoChunks, settings: dict[str, int]
) -> Review:
    path = repository.path.parent / "settings.toml"
    path.write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    none: Sequence[str] = ()
    async with AsyncEngine(llm=FakeLLM(model), analyzers=none, settings_file=path) as engine:
        return await engine.review(repository.path, head="HEAD")
