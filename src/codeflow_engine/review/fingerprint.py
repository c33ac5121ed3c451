"""The fingerprint of a finding: a digest of what stays when the code around it moves."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from codeflow_engine.domain.identity import Traits

__all__ = ["Fingerprints", "traits_of"]

_AROUND = 3
"""Lines on each side that tell one place from another with the same code."""


def traits_of(lines: Sequence[str], first: int, last: int) -> Traits:
    """Describe the lines from index `first` to `last`, inclusive, of one side of a text."""
    return Traits(
        code=_normal("\n".join(lines[first : last + 1])),
        before=tuple(map(_normal, lines[max(first - _AROUND, 0) : first])),
        after=tuple(map(_normal, lines[last + 1 : last + 1 + _AROUND])),
    )


class Fingerprints:
    """Gives the findings of one review their fingerprints, each of them once."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def make(self, rule: str, path: str, traits: Traits) -> str:
        """Digest rule, path and code; equal ones are numbered in the order of the calls.

        Args:
            rule: Source and check.
            path: Where the file was at the base, so that a rename in the change keeps it.
            traits: What the finding stands on.
        """
        identity = f"{rule}\0{path}\0{traits.code}"
        self._seen[identity] += 1
        numbered = f"{identity}\0{self._seen[identity]}"
        return hashlib.sha256(numbered.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _normal(line: str) -> str:
    return " ".join(line.split())
