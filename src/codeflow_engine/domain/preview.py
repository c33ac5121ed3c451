"""What models would be sent of a change, before any of it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from codeflow_engine.domain.encoding import to_plain

__all__ = ["ChangePreview", "FilePreview"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePreview:
    """One file of a change, as models would see it."""

    path: str
    models: tuple[str, ...]
    """Ids of the models that may see it; the first one is asked first. Empty: nobody may."""

    withheld: Mapping[str, str]
    """Ids of the models that may not, with the path that they may not see."""

    tokens: int
    """Tokens of its diff, estimated on the high side; prompt and context come on top."""

    usd: Decimal | None
    """US dollars for sending so many to the first model; None where there is no price."""

    secrets: int
    """How many secrets stand in it, none of which would be sent."""

    text: str
    """Its diff as it would be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePreview:
    """What would be sent of a change, to whom, and what that costs at least."""

    title: str
    files: tuple[FilePreview, ...]
    """Those that are reviewed, in the order of the change."""

    excluded: tuple[str, ...]
    """Paths that the repository's policy keeps out of reviews, or that cannot be read."""

    @property
    def tokens(self) -> int:
        """Tokens of all that somebody may see."""
        return sum(file.tokens for file in self.files if file.models)

    @property
    def usd(self) -> Decimal | None:
        """US dollars for sending them; None as soon as one of them has no price."""
        costs = [file.usd for file in self.files if file.models]
        known = [cost for cost in costs if cost is not None]
        return sum(known, Decimal(0)) if len(known) == len(costs) else None

    def to_json(self) -> dict[str, Any]:
        """Give it as plain JSON data; dollars are decimal strings."""
        told: dict[str, Any] = to_plain(self)
        return told
