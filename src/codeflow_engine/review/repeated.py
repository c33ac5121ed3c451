"""Repeated: does a text say again what a model was told in confidence?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from codeflow_engine.domain.finding import RawFinding

__all__ = ["Confidential"]

_RUN: Final = 10
"""Words in a row that nobody says by chance as the prompt does."""

_WORD: Final = re.compile(r"[^\W_]+")


class Confidential:
    """What a model was told and is not to tell: the prompt, which a host may have written.

    A change can talk a model into saying it. What the change shows itself is no secret any
    more, so that a review of a prompt may quote it.

    Args:
        told: The prompt, without what the project has written of it.
    """

    def __init__(self, told: str) -> None:
        self._runs = frozenset(_runs(told))

    def is_broken(self, finding: RawFinding, shown: str) -> bool:
        """Tell whether a finding has a passage of the prompt in its words.

        Args:
            finding: What a model said.
            shown: The text that it spoke of.
        """
        texts = (finding.rule, finding.title, finding.message, finding.replacement or "")
        said = {run for text in texts for run in _runs(text) if run in self._runs}
        return bool(said) and not said <= {run for run in _runs(shown) if run in said}


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    """Give each run of so many words, whatever stands between them."""
    words = _WORD.findall(text.casefold())
    return zip(*(islice(words, start, None) for start in range(_RUN)), strict=False)
