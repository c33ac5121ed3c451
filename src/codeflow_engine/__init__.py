"""The embeddable engine for AI code review and pull-request automation.

```python
import codeflow_engine as codeflow

with codeflow.Engine() as engine:
    review = engine.review(".", base="main")
print(review)
```

Names load on first use: importing this package imports nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeflow_engine import contracts, errors
    from codeflow_engine.cassette import Cassette
    from codeflow_engine.domain.budget import Budget
    from codeflow_engine.domain.change import Change, Scope
    from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, Message, Role
    from codeflow_engine.domain.coverage import Coverage, Outcome
    from codeflow_engine.domain.diff import Diff
    from codeflow_engine.domain.dismissal import Dismissal, DismissalScope
    from codeflow_engine.domain.effect import Plan, Receipt
    from codeflow_engine.domain.finding import (
        Category,
        Evidence,
        Finding,
        FindingState,
        Severity,
        Suggestion,
    )
    from codeflow_engine.domain.patch import Patch
    from codeflow_engine.domain.publishing import PublishPolicy
    from codeflow_engine.domain.reading import Answer, Description
    from codeflow_engine.domain.review import Review
    from codeflow_engine.domain.usage import Usage
    from codeflow_engine.engine import AsyncEngine
    from codeflow_engine.pace.retry import Retry
    from codeflow_engine.plugins.hooks import hookimpl
    from codeflow_engine.providers.llm.anthropic import Anthropic
    from codeflow_engine.providers.llm.echo import Echo
    from codeflow_engine.providers.llm.groq import Groq
    from codeflow_engine.providers.llm.mistral import Mistral
    from codeflow_engine.providers.llm.openai import OpenAI
    from codeflow_engine.providers.vcs.github import GitHub, GitHubApp
    from codeflow_engine.runs.context import RunContext
    from codeflow_engine.runs.handle import AsyncRun
    from codeflow_engine.sync import Engine, Run

__all__ = [
    "Answer",
    "Anthropic",
    "AsyncEngine",
    "AsyncRun",
    "Budget",
    "Cassette",
    "Category",
    "Change",
    "ChatAnswer",
    "ChatRequest",
    "Coverage",
    "Description",
    "Diff",
    "Dismissal",
    "DismissalScope",
    "Echo",
    "Engine",
    "Evidence",
    "Finding",
    "FindingState",
    "GitHub",
    "GitHubApp",
    "Groq",
    "Message",
    "Mistral",
    "OpenAI",
    "Outcome",
    "Patch",
    "Plan",
    "PublishPolicy",
    "Receipt",
    "Retry",
    "Review",
    "Role",
    "Run",
    "RunContext",
    "Scope",
    "Severity",
    "Suggestion",
    "Usage",
    "contracts",
    "errors",
    "hookimpl",
]

_HOMES = {
    "Answer": "domain.reading",
    "Anthropic": "providers.llm.anthropic",
    "AsyncEngine": "engine",
    "AsyncRun": "runs.handle",
    "Budget": "domain.budget",
    "Cassette": "cassette",
    "Category": "domain.finding",
    "Change": "domain.change",
    "ChatAnswer": "domain.chat",
    "ChatRequest": "domain.chat",
    "Coverage": "domain.coverage",
    "Description": "domain.reading",
    "Diff": "domain.diff",
    "Dismissal": "domain.dismissal",
    "DismissalScope": "domain.dismissal",
    "Echo": "providers.llm.echo",
    "Engine": "sync",
    "Evidence": "domain.finding",
    "Finding": "domain.finding",
    "FindingState": "domain.finding",
    "GitHub": "providers.vcs.github",
    "GitHubApp": "providers.vcs.github",
    "Groq": "providers.llm.groq",
    "Message": "domain.chat",
    "Mistral": "providers.llm.mistral",
    "OpenAI": "providers.llm.openai",
    "Outcome": "domain.coverage",
    "Patch": "domain.patch",
    "Plan": "domain.effect",
    "PublishPolicy": "domain.publishing",
    "Receipt": "domain.effect",
    "Retry": "pace.retry",
    "Review": "domain.review",
    "Role": "domain.chat",
    "Run": "sync",
    "RunContext": "runs.context",
    "Scope": "domain.change",
    "Severity": "domain.finding",
    "Suggestion": "domain.finding",
    "Usage": "domain.usage",
    "hookimpl": "plugins.hooks",
}


if not TYPE_CHECKING:
    # Type checkers would take any name for a public one.

    def __getattr__(name: str) -> object:
        if name in _HOMES:
            value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        elif name in __all__:
            value = import_module(f"{__name__}.{name}")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
