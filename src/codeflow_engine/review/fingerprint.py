"""The fingerprint of a finding: a digest of what stays when the code around it moves."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import islice

from codeflow_engine.domain.identity import Traits

__all__ = ["Fingerprints", "traits_of"]

_AROUND = 4
"""Lines on each side that tell one place from another with the same code."""

_REACH = 40
"""Lines on each side among which those that are not blank are looked for."""

_MAX_CODE = 1_000
"""Characters of code that are kept; of a longer one its beginning and a digest of it all."""

_MAX_LINE = 200


def traits_of(lines: Sequence[str], first: int, last: int) -> Traits:
    """Describe the lines from index `first` to `last`, inclusive, of one side of a text."""
    above = (lines[at] for at in range(first - 1, max(first - 1 - _REACH, -1), -1))
    below = (lines[at] for at in range(last + 1, min(last + 1 + _REACH, len(lines))))
    return Traits(
        code=_bounded(_normal("\n".join(lines[first : last + 1])), _MAX_CODE),
        before=tuple(reversed(_nearest(above))),
        after=tuple(_nearest(below)),
    )


class Fingerprints:
    """Gives findings their fingerprints, each of them once.

    Args:
        taken: Fingerprints that belong to other findings already.
    """

    def __init__(self, taken: Collection[str] = ()) -> None:
        self._seen: Counter[str] = Counter()
        self._taken = taken

    def make(self, rule: str, path: str, traits: Traits) -> str:
        """Digest rule, path and code; equal ones are numbered in the order of the calls.

        Args:
            rule: Source and check.
            path: Where the file was at the base, so that a rename in the change keeps it.
            traits: What the finding stands on.
        """
        identity = f"{rule}\0{path}\0{traits.code}"
        while True:
            self._seen[identity] += 1
            numbered = f"{identity}\0{self._seen[identity]}"
            digest = hashlib.sha256(numbered.encode("utf-8", "surrogateescape")).hexdigest()[:32]
            if digest not in self._taken:
                return digest


def _nearest(lines: Iterable[str]) -> list[str]:
    """Take the first lines that are not blank: blank ones come and go with the layout."""
    told = (_bounded(normal, _MAX_LINE) for line in lines if (normal := _normal(line)))
    return list(islice(told, _AROUND))


def _normal(text: str) -> str:
    return " ".join(text.split())


def _bounded(text: str, limit: int) -> str:
    """Keep a text comparable at bounded length, whatever line a change brings."""
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{text[:limit]}… {digest}"
