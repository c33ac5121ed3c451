"""The same engine for synchronous code: one line a verb over a background event loop."""

from codeflow_engine.sync.engine import Engine
from codeflow_engine.sync.run import Run

__all__ = ["Engine", "Run"]
