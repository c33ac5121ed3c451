"""What models are asked to read, in all the forms that a caller may give it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.workflows.review_input import ReviewInput

__all__ = ["AskInput", "ReadingInput"]

_KEYS: Final = frozenset({"change", "base", "head", "llm", "budget"})
_QUESTION: Final = "question"
_LONGEST: Final = 10_000
"""Characters of a question, which is sent with each part of a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingInput:
    """The input of the workflow `describe`."""

    of: ReviewInput
    """The change, the models that read it, and what they may cost."""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Understand what the caller gave, as a review does, without what it alone knows.

        Raises:
            ConfigurationError: Something of it is missing, unknown or of no use.
            DiffError: A text or bytes that are no patch.
        """
        return cls(of=_read(given, "a description", _KEYS))

    def write(self) -> dict[str, Any]:
        """Give plain JSON data that tells what was asked."""
        return {name: told for name, told in self.of.write().items() if name in _KEYS}

    def repository(self) -> str | None:
        """Name what the change belongs to; None for a bare patch."""
        return self.of.repository()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskInput(ReadingInput):
    """The input of the workflow `ask`."""

    question: str

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Understand what the caller gave, as `ReadingInput.read`, and the question.

        Raises:
            ConfigurationError: Something of it is missing, unknown or of no use.
            DiffError: A text or bytes that are no patch.
        """
        question = given.get(_QUESTION)
        if not isinstance(question, str) or not question.strip():
            raise ConfigurationError("a question is a text that is not empty")
        if len(question) > _LONGEST:
            raise ConfigurationError(
                f"a question has at most {_LONGEST:,} characters, not {len(question):,}"
            )
        return cls(of=_read(given, "a question", _KEYS | {_QUESTION}), question=question.strip())

    def write(self) -> dict[str, Any]:
        """Give plain JSON data that tells what was asked."""
        return {**ReadingInput.write(self), _QUESTION: self.question}


def _read(given: Mapping[str, Any], what: str, known: frozenset[str]) -> ReviewInput:
    unknown = sorted(map(str, given.keys() - known))
    if unknown or "change" not in given:
        raise ConfigurationError(
            f"{what} takes {', '.join(sorted(known))} and needs a change; "
            f"unknown: {', '.join(unknown) or 'nothing'}"
        )
    return ReviewInput.read({name: one for name, one in given.items() if name in _KEYS})
