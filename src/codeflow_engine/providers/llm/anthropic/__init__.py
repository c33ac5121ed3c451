"""Models of Anthropic, through its Messages interface and its own SDK."""

from codeflow_engine.providers.llm.anthropic.provider import Anthropic, AnthropicSettings

__all__ = ["Anthropic", "AnthropicSettings"]
