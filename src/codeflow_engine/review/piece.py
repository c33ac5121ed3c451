"""A piece of a change as a model is shown it, and the way back to the lines it was made of."""

from __future__ import annotations

from dataclasses import dataclass

from codeflow_engine.domain.diff import LineKind, Unit

__all__ = ["Piece", "ShownLine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLine:
    """One line of a hunk in the form in which a model sees it."""

    kind: LineKind
    text: str
    """Without secrets and without characters that nobody sees; no mark before it."""

    old_number: int | None
    """Number in the old file, from 1; None for an added line."""

    new_number: int | None
    """Number in the new file, from 1; None for a deleted line."""

    ends_in_cr: bool = False
    """Whether the line of the file ends in a carriage return, which `text` does not show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A unit of a change, or a part of one that is too long to be shown at once."""

    unit: Unit
    path: str
    """As `DiffFile.path` has it; `text` shows it escaped."""

    paths: tuple[str, ...]
    """The path, and behind it the old one where the file was renamed: whoever may not see one
    sees nothing."""

    names: tuple[str, ...] = ()
    """The paths as `text` shows them, in the same order."""

    text: str
    """What is shown: the file, what became of it, what surrounds the hunk, and its lines."""

    lines: tuple[ShownLine, ...] = ()
    """The lines of the hunk that `text` shows, in its order; empty for an entry without hunks."""

    part: int = 0
    """Counts the parts of one unit, from 0."""
