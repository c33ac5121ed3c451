"""What each kind of effect does: it is found, written, and taken back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.providers.vcs.github.posting.pull import Pull

__all__ = ["Poster"]


class Poster(ABC):
    """Writes the effects of one kind."""

    prefixes: ClassVar[tuple[str, ...]]
    """Words before the colon of the external ids that are its own."""

    @abstractmethod
    async def find(self, pull: Pull, effects: Sequence[Effect]) -> list[Receipt]:
        """Find which of these effects stand whole, by markers of our own author alone.

        Args:
            pull: Where all of them go.
            effects: All of this kind.

        Raises:
            CodeflowError: The look-up failed.
        """

    @abstractmethod
    async def write(self, pull: Pull, effect: Effect) -> Receipt:
        """Write an effect that does not stand whole; a part of it may.

        Raises:
            CodeflowError: It failed. Where the error is retryable, it may stand all the same.
        """

    @abstractmethod
    async def take_back(self, pull: Pull, receipt: Receipt, name: str) -> None:
        """Take back what a receipt names, if it is ours; what is gone is no error.

        Args:
            pull: Where it stands.
            receipt: Of the effect.
            name: What comes behind the colon of its external id.

        Raises:
            CodeflowError: It failed.
        """
