"""What models are told to do: one file for each task, which a host can put its own in place of."""

from codeflow_engine.prompts.prompt import Prompt, Prompts

__all__ = ["Prompt", "Prompts"]
