"""Small backends that keep their contracts, for tests of what uses backends.

They are no mocks: each passes the contract suite of its kind.
"""

from codeflow_engine.testing.fakes.observer import FakeObserver

__all__ = ["FakeObserver"]
