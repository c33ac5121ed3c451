"""Small backends that keep their contracts, for tests of what uses backends.

They are no mocks: each passes the contract suite of its kind.
"""

from codeflow_engine.testing.fakes.analyzer import FakeAnalyzer
from codeflow_engine.testing.fakes.clock import FakeClock
from codeflow_engine.testing.fakes.llm import FakeLLM
from codeflow_engine.testing.fakes.model import FakeModel, Said, Script
from codeflow_engine.testing.fakes.observer import FakeObserver
from codeflow_engine.testing.fakes.reviewer import Reviewer, ReviewerHabit
from codeflow_engine.testing.fakes.strategy import FakeStrategy
from codeflow_engine.testing.fakes.vcs import FakeHost, FakeVCS, Post
from codeflow_engine.testing.fakes.workflow import FakeWorkflowBackend

__all__ = [
    "FakeAnalyzer",
    "FakeClock",
    "FakeHost",
    "FakeLLM",
    "FakeModel",
    "FakeObserver",
    "FakeStrategy",
    "FakeVCS",
    "FakeWorkflowBackend",
    "Post",
    "Reviewer",
    "ReviewerHabit",
    "Said",
    "Script",
]
