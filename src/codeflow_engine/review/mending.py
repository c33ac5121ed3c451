"""Mending: the text that a model would put in the place of what it quoted, as a suggestion."""

from __future__ import annotations

from typing import Final

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Suggestion
from codeflow_engine.review.quotes import Match
from codeflow_engine.review.readable import readable

__all__ = ["suggestion"]

_MOST: Final = 20_000
"""Characters of a replacement."""

_PLACEHOLDER: Final = "[redacted:"
_LOST: Final = "\ufffd"


def suggestion(match: Match, replacement: str | None) -> Suggestion | None:
    """Make a suggestion of a replacement; None where it could do harm, or would do nothing.

    It takes the place of whole lines of the new side. It may not write what the model was
    shown instead of a secret or of a byte, nor what nobody sees. An empty one is none:
    models say that, too, where they have nothing to say.
    """
    if replacement is None or not match.whole or match.side is Side.OLD:
        return None
    if not replacement.strip() or len(replacement) > _MOST:
        return None
    text = replacement.replace("\r\n", "\n").removesuffix("\n")
    if _PLACEHOLDER in text.lower() or _LOST in text or readable(text) != text:
        return None
    lines = _unmarked(text.split("\n"), match)
    fitting = lines and _indented(lines, match)
    first, last = match.lines[0], match.lines[-1]
    endings = {line.ends_in_cr for line in match.lines}
    if not fitting or fitting == [line.text for line in match.lines] or len(endings) > 1:
        return None
    if first.new_number is None or last.new_number is None:
        return None
    end = "\r" if True in endings else ""
    return Suggestion(
        replacement="\n".join([line + end for line in fitting]),
        start_line=first.new_number,
        end_line=last.new_number,
    )


def _unmarked(lines: list[str], match: Match) -> list[str] | None:
    """Take the marks of a diff away, where the quote had them and the replacement has them."""
    marks = {line[:1] for line in lines if line}
    if not match.marked:
        was_marked = any(line.text.startswith("+") for line in match.lines)
        return None if marks == {"+"} and not was_marked else lines
    return [line[1:] for line in lines] if "+" in marks and marks <= {"+", " "} else lines


def _indented(lines: list[str], match: Match) -> list[str] | None:
    """Give a replacement the indentation that the model left away.

    What it left away is seen from the quote. None where that does not tell.
    """
    pairs = [
        (_indentation(shown.text), _indentation(quoted))
        for shown, quoted in zip(match.lines, match.quoted, strict=True)
        if shown.text.strip()
    ]
    filled = [place for place, line in enumerate(lines) if line.strip()]
    if not pairs or not filled:
        return lines
    wanted, quoted = pairs[0]
    own = _indentation(lines[filled[0]])
    if own == wanted:
        return lines
    if own != quoted:
        # With an indentation of its own, the change of indentation may be what mends it.
        return lines if own and wanted == quoted else None
    missing = {_missing(*pair) for pair in pairs}
    rest = [lines[place] for place in filled[1:]]
    if len(missing) == 1 and (prefix := missing.pop()):
        # One line that lost its indentation may stand for all, or for the first alone.
        if len(pairs) == 1 and rest and all(line.startswith(wanted) for line in rest):
            return None
        return [prefix + line if line.strip() else line for line in lines]
    if {_missing(*pair) for pair in pairs[1:]} == {""} and not quoted:
        return [wanted + line if place == filled[0] else line for place, line in enumerate(lines)]
    return None


def _missing(wanted: str, quoted: str) -> str | None:
    return wanted.removesuffix(quoted) if wanted.endswith(quoted) else None


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]
