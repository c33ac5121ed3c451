"""The engine: its options, how it is put together, and its verbs."""

from codeflow_engine.engine.options import ChangeLike, EngineOptions
from codeflow_engine.engine.verbs import AsyncEngine

__all__ = ["AsyncEngine", "ChangeLike", "EngineOptions"]
