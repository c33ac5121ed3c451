"""Models of Mistral, through its chat completions and its own SDK."""

from codeflow_engine.providers.llm.mistral.provider import Mistral, MistralSettings

__all__ = ["Mistral", "MistralSettings"]
