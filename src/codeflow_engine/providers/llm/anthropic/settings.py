"""What can be set for the models of Anthropic."""

from __future__ import annotations

from dataclasses import dataclass

from codeflow_engine.providers.llm.calls.settings import LLMSettings

__all__ = ["AnthropicSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicSettings(LLMSettings):
    """Where Anthropic's interface is, how long it may take, and what is asked of it."""

    cache_prompts: bool = True
    """Mark what stays the same from question to question, so that it is paid in full once."""

    native_schema: bool | None = None
    """Whether the interface itself holds the model to a schema of the answer; where it does
    not, the schema is told to the model in words. None goes by the name of the model: those
    up to Claude 4 of May 2025 cannot."""
