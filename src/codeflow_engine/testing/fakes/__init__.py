"""Small backends that keep their contracts, for tests of what uses backends.

They are no mocks: each passes the contract suite of its kind.
"""

from codeflow_engine.testing.fakes.analyzer import FakeAnalyzer
from codeflow_engine.testing.fakes.observer import FakeObserver
from codeflow_engine.testing.fakes.vcs import FakeHost, FakeVCS

__all__ = ["FakeAnalyzer", "FakeHost", "FakeObserver", "FakeVCS"]
