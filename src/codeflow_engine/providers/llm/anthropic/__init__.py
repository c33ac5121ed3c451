"""Models of Anthropic, through its Messages interface and its own SDK."""

from codeflow_engine.providers.llm.anthropic.provider import Anthropic
from codeflow_engine.providers.llm.anthropic.settings import AnthropicSettings

__all__ = ["Anthropic", "AnthropicSettings"]
