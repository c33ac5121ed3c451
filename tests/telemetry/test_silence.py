from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from telemetry_sight import Sight

from codeflow_engine import AsyncEngine, RunContext
from codeflow_engine.domain.chat import ChatRequest, Message, Role
from codeflow_engine.errors import ProviderError
from codeflow_engine.testing.fakes import FakeAnalyzer, FakeModel

if TYPE_CHECKING:
    from pathlib import Path

    from git_repository import GitRepository

TITLE = "canary-of-the-title"
PATH = "canary_of_the_path"
CODE = "canary_of_the_code"
PROMPT = "canary of the prompt"
ANSWER = "canary of the answer"
RAISED = "canary of the error"
KEY = "canary-of-the-key-5f3a9c1e7b2d"
FOUND = "ghp_" + "x7Kq9ZrT2mWv5LpB8nYc3HdF6jGs1QaE4uR0"
CANARIES = (TITLE, PATH, CODE, PROMPT, ANSWER, RAISED, KEY, FOUND)


class Crashing(FakeAnalyzer):
    """Quotes the change in what it raises."""

    async def analyze(self, *given: Any) -> Any:
        raise RuntimeError(f"{RAISED}: {CODE} in {PATH} with {KEY}")


@pytest.fixture
def repository(git_repository: GitRepository) -> Path:
    """Give a repository whose last commit is full of what nobody is told."""
    git_repository.commit({f"{PATH}/a.py": "a = 1\n"})
    git_repository.commit(
        {f"{PATH}/a.py": f'a = 1\n{CODE} = "{FOUND}"\nbreakpoint()\n'}, message=TITLE
    )
    return git_repository.path


async def ask(run: RunContext, given: dict[str, Any]) -> str:
    """Ask a model about the change; the second time it fails, and quotes what it was asked."""
    request = ChatRequest(
        messages=(Message(role=Role.USER, text=f"{PROMPT} {given['code']}"),),
        max_output_tokens=10,
        paths=(f"{PATH}/a.py",),
    )
    model = FakeModel(ANSWER, RuntimeError(f"{RAISED}: {PROMPT}"))

    async def once() -> str:
        with run.tools.eyes.llm_call(request, provider="fake", model="fake") as call:
            with call.attempt():
                answer = await model.ask(request)
            call.answered(answer)
        return answer.text

    await run.step("ask", once)
    return await run.step("again", once)


async def test_o6_no_signal_says_anything_of_a_change(repository: Path) -> None:
    """No secret, code, title, path, prompt, answer or error text is in a span, metric or line."""
    sight = Sight()
    async with AsyncEngine(
        analyzers=["hygiene", "secrets", Crashing()], secrets=[KEY], **sight.options
    ) as engine:
        engine.workflow("asks")(ask)
        review = await engine.review(repository, head="HEAD")
        run = await engine.submit("asks", {"code": CODE, "note": KEY}, key=f"{TITLE}/{PATH}")
        with pytest.raises(RuntimeError, match=PROMPT):
            await run.result()

    exported = sight.exported()
    assert [finding.path for finding in review.findings] == [f"{PATH}/a.py"] * 2
    assert review.change.title == TITLE
    for expected in ("chat fake", "execute_tool hygiene", "analyzer crashed", "codeflow.findings"):
        assert expected in exported
    assert [canary for canary in CANARIES if canary in exported] == []


async def test_the_words_of_an_error_stand_in_the_log_alone(repository: Path) -> None:
    """A change that cannot be had is told in a line for operators, and by its type in a span."""
    sight = Sight()
    async with AsyncEngine(analyzers=["hygiene"], **sight.options) as engine:
        with pytest.raises(ProviderError):
            await engine.review(repository, base="no-such-revision")

    spans = "\n".join(span.to_json() for span in sight.spans)
    assert "no-such-revision" not in spans
    assert any("no-such-revision" in line for line in sight.logs.lines)
