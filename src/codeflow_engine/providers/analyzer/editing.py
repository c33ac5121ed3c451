"""Edits of whole lines, as a suggestion is one."""

from __future__ import annotations

from codeflow_engine.domain.finding import Suggestion

__all__ = ["whole_lines"]


def whole_lines(first: int, old: str, new: str) -> Suggestion | None:
    """Suggest new text for lines; those at both ends that stay as they are do not count.

    At least one line is replaced. An empty replacement deletes the lines, so that a single
    empty line cannot be suggested: the outcome is None, as where nothing changes.

    Args:
        first: Number of the first line.
        old: The lines, each with its end.
        new: What takes their place.
    """
    if new and old.endswith("\n") != new.endswith("\n"):
        return None
    before, after = (text.removesuffix("\n").split("\n") if text else [] for text in (old, new))
    while len(before) > 1 and after and before[-1] == after[-1]:
        del before[-1], after[-1]
    while len(before) > 1 and after and before[0] == after[0]:
        del before[0], after[0]
        first += 1
    if after in (before, [""]):
        return None
    return Suggestion(
        replacement="\n".join(after), start_line=first, end_line=first + len(before) - 1
    )
