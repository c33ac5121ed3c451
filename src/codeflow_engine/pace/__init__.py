"""Time: the clock that everybody asks, and the pauses between attempts."""

from codeflow_engine.pace.clock import Clock
from codeflow_engine.pace.retry import Retry

__all__ = ["Clock", "Retry"]
