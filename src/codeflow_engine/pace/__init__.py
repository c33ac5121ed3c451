"""Time: the clock that everybody asks, pauses between attempts, and who comes before whom."""

from codeflow_engine.pace.clock import Clock
from codeflow_engine.pace.retry import Retry

__all__ = ["Clock", "Retry"]
