"""What models would be sent of a change, before any of it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from codeflow_engine.domain.chat import Message
from codeflow_engine.domain.encoding import to_plain

__all__ = ["ChangePreview", "FilePreview", "QuestionPreview"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionPreview:
    """One question about a chunk of a change, as a model would be asked it."""

    paths: tuple[str, ...]
    """Files that the chunk shows something of, each once."""

    models: tuple[str, ...]
    """Ids of the models that may be asked; the first one is asked first. Empty: nobody may."""

    withheld: Mapping[str, str]
    """Ids of the models that may not, each with the first path that it may not see."""

    messages: tuple[Message, ...]
    """What would be sent, word for word and without secrets."""

    tokens: int
    """Tokens of the question, estimated on the high side."""

    most_usd: Decimal | None
    """US dollars that the first model's answer may cost at most, with the question; None where
    there is no price."""

    is_answered: bool
    """Whether there is an answer already, which is used: nothing is sent, and `most_usd` is 0."""

    secrets: int
    """How many secrets were taken out of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePreview:
    """One file of a change: whether models see it, which of them, and at what cost."""

    path: str
    models: tuple[str, ...]
    """Ids of the models that would see it; the first one is asked first. Empty: nobody would."""

    withheld: Mapping[str, str]
    """Ids of the models that may not see it, each with the path that it may not see."""

    tokens: int
    """Tokens of it in the questions that would be sent, estimated on the high side; what stands
    around it is not among them."""

    most_usd: Decimal | None
    """Its share of what the questions about it may cost at most, by tokens; None where one of
    them has no price."""

    secrets: int
    """How many secrets stand in it, none of which would be sent."""

    reason: str | None = None
    """Why it is not shown, or why a part of it is not; None where all of it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePreview:
    """What a review would send of a change, to whom, and what that costs at most.

    Questions that depend on answers are not among it, such as those of a critic.
    """

    title: str
    files: tuple[FilePreview, ...]
    """All files of the change, in its order."""

    questions: tuple[QuestionPreview, ...]
    """In the order in which they would be asked: the riskiest files first."""

    @property
    def tokens(self) -> int:
        """Tokens of all questions that would be sent, estimated on the high side."""
        return sum(one.tokens for one in self._sent)

    @property
    def most_usd(self) -> Decimal | None:
        """US dollars that all answers may cost at most; None as soon as one has no price."""
        costs = [one.most_usd for one in self._sent]
        known = [cost for cost in costs if cost is not None]
        return sum(known, Decimal(0)) if len(known) == len(costs) else None

    @property
    def _sent(self) -> Iterable[QuestionPreview]:
        return (one for one in self.questions if one.models and not one.is_answered)

    def to_json(self) -> dict[str, Any]:
        """Give it as plain JSON data; dollars are decimal strings."""
        told: dict[str, Any] = to_plain(self)
        return told | {"tokens": self.tokens, "most_usd": to_plain(self.most_usd)}
