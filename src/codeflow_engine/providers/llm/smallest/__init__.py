"""The smallest value that a JSON Schema allows."""

from codeflow_engine.providers.llm.smallest.making import smallest_json

__all__ = ["smallest_json"]
