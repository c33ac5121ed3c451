"""What the tests of cassettes record."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from codeflow_engine import (
    AsyncEngine,
    ChatRequest,
    Message,
    Review,
    Role,
    RunContext,
)
from git_repository import GitRepository

__all__ = ["OWN", "PATCH", "SECRET", "form", "leaky", "question", "talked", "with_talk"]

SECRET = "ghp_" + "x7Kq9ZrT2mWv5LpB8nYc3HdF6jGs1QaE4uR0"
OWN = "our-own-Value-7731"
PATCH = "--- a/{0}\n+++ b/{0}\n@@ -1 +1,2 @@\n a = 1\n+{1}\n"


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
