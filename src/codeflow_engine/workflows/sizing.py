"""How much of a change one question can show, and how much a model may answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from codeflow_engine.contracts import ModelGateway
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.settings import Settings

__all__ = ["Sizes", "fence_secret", "sizes_of"]

_BESIDE: Final = 1_500
"""Tokens of what stands in a question beside the change and the prompt: schema, fence, roles."""

_LEAST: Final = 300
"""Tokens of a change below which a model can be shown nothing that it could judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What fits into each question about a change, whichever of the models is asked."""

    room: int
    """Tokens of what one question shows."""

    answer: int
    """Tokens of an answer."""


async def sizes_of(
    models: ModelGateway,
    settings: Settings,
    *,
    wanted: int,
    prompts: Iterable[str],
    beside: int = 0,
) -> Sizes:
    """Find out how much a question can show.

    Args:
        models: Those that may be asked.
        settings: Those of the engine.
        wanted: Tokens that a question is to show at most.
        prompts: What is said beside it; the longest of them counts.
        beside: Tokens of whatever else a question holds.

    Raises:
        ConfigurationError: One of the models holds too little to be shown anything.
    """
    facts = await models.facts()
    answer = min([settings.answer_tokens, *(one.max_output for one in facts if one.max_output)])
    taken = max(map(models.count, prompts)) + beside + answer + _BESIDE
    windows = [one.context_window for one in facts if one.context_window]
    room = min([wanted, *(window - taken for window in windows)])
    if room < min(_LEAST, wanted):
        raise ConfigurationError(
            f"a model holds {min(windows):,} tokens, and prompt and answer leave "
            f"{max(room, 0):,} of them for the change: lower answer_tokens, or ask another model"
        )
    return Sizes(room=room, answer=answer)


def fence_secret(settings: Settings) -> bytes:
    """Give what the marks around a change in prompts are made with."""
    return (settings.fence_key or settings.tenant).encode()
