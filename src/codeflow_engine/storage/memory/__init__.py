"""Storage, journal, meter and cache in the memory of the process: nothing survives it."""

from codeflow_engine.storage.memory.cache import MemoryCache
from codeflow_engine.storage.memory.store import MemoryStorage

__all__ = ["MemoryCache", "MemoryStorage"]
