"""Markers: what the engine writes into posted text, to know it again.

A marker is a comment of HTML, which hosts do not show:

```text
<!-- codeflow:v1 kind=comment key=6f0c... run=01J8... finding=9b1d... -->
```

Anybody can write one. It means something only where the author of the text is the engine's
own account on that host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["MARKER_ROOM", "Marker", "find_markers"]

MARKER_ROOM: Final = 512
"""Characters that a text leaves free for its marker: more than the longest one has."""

_VALUE: Final = r"[A-Za-z0-9_.:-]{1,100}"
_FORM: Final = re.compile(
    rf"<!-- codeflow:v1 kind=(?P<kind>[a-z]{{1,20}}) key=(?P<key>{_VALUE})"
    rf"(?: run=(?P<run>{_VALUE}))?(?: finding=(?P<finding>{_VALUE}))? -->"
)
_SOUND: Final = re.compile(_VALUE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """Says which effect a text belongs to.

    Its values have letters, digits and `_.:-`, at most 100 of them, so that none of them can
    end the comment, or begin another one.
    """

    kind: str
    """Kind of the effect, or `comment` for a part of a review."""

    key: str
    """Key of the effect."""

    run: str | None = None
    """Run that wrote it; for people alone, two runs may plan the same effect."""

    finding: str | None = None
    """Fingerprint of the finding that the text is about."""

    def __post_init__(self) -> None:
        values = (self.kind, self.key, self.run, self.finding)
        if any(value is not None and not _SOUND.fullmatch(value) for value in values):
            raise ValueError("a value of a marker has letters, digits and `_.:-`, at most 100")

    def write(self) -> str:
        """Give the text that is found again by `find_markers`."""
        told = [f"kind={self.kind}", f"key={self.key}"]
        told += [f"run={self.run}"] if self.run is not None else []
        told += [f"finding={self.finding}"] if self.finding is not None else []
        return f"<!-- codeflow:v1 {' '.join(told)} -->"


def find_markers(text: str) -> tuple[Marker, ...]:
    """Find the markers in a text, in their order; what is almost one is none."""
    return tuple(Marker(**found.groupdict()) for found in _FORM.finditer(text))
