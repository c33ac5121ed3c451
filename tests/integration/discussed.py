"""What tests of discussed reviews share: a pull request with two findings, and its host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codeflow_engine import AsyncEngine, Review
from codeflow_engine.domain.discussion import Thread
from codeflow_engine.domain.finding import FindingState
from codeflow_engine.domain.review import Outcome
from codeflow_engine.testing.examples import Example, ExampleFile
from codeflow_engine.testing.fakes import FakeHost, FakeLLM, FakeVCS, Reviewer

__all__ = ["FILLER", "PULL", "WORK", "Desk", "first_of", "pull", "states"]

PULL = "acme/shop#7"
FILLER = "".join(f"step_{number}(order)\n" for number in range(30))
WORK = FILLER.replace("step_7(order)\n", "step_7(order)\ntotal = eval(order.first)\n").replace(
    "step_22(order)\n", "step_22(order)\ntotal = eval(order.second)\n"
)


def pull(text: str, *, base: str = FILLER, path: str = "a.py") -> Example:
    return Example(
        name=PULL,
        base={"a.py": ExampleFile.of(base)},
        head={path: ExampleFile.of(text)},
        renames={} if path == "a.py" else {path: "a.py"},
    )


class Desk:
    """A pull request, reviewed again and again by engines on one database."""

    def __init__(self, place: Path) -> None:
        self.host = FakeHost(pull(WORK))
        self.url = f"sqlite:///{place / 'codeflow.db'}"
        self.said: list[str] = []
        self.number = 0

    def say(self, *threads: Thread) -> None:
        self.host.threads[PULL] = [*threads]

    async def review(self, **options: Any) -> Review:
        """Review with a model that has other words each time."""
        self.number += 1
        rule = ("eval", "arbitrary-code", "injection")[self.number % 3]
        llm = FakeLLM(Reviewer({rule: r"\beval\("}, seed=self.number))
        given = {"vcs": FakeVCS(self.host), "llm": llm, "analyzers": [], **options}
        async with AsyncEngine(storage=self.url, **given) as engine:
            found = await engine.review(PULL)
        assert found.outcome is Outcome.REVIEWED
        self.said += [f"{one.title} {one.message}" for one in found.findings]
        return found


def states(review: Review) -> list[FindingState]:
    """Give the states in the order of the code."""
    return [one.state for one in sorted(review.findings, key=lambda one: one.line or 0)]


def first_of(review: Review) -> str:
    return min(review.findings, key=lambda one: one.line or 0).fingerprint
