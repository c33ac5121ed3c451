"""Well-formed: does a file still parse when it is edited?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from codeflow_engine.review.parsing.asking import MOST_BYTES, MOST_FILE_BYTES, Task, ask, read_text
from codeflow_engine.review.parsing.languages import language_of
from codeflow_engine.sandbox import Sandbox

__all__ = ["Edit", "wellformed"]

_EDITS: Final = 200
"""Edits that are tried; each takes a parse of its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Some lines of a file, and what would take their place."""

    path: str
    content: bytes
    """The file as it is without the edit."""

    replacement: str
    """Lines without a final newline; empty where lines are only taken away."""

    start_line: int
    """First line replaced, counted from 1."""

    end_line: int
    """Last line replaced, inclusive."""


async def wellformed(edits: Sequence[Edit], sandbox: Sandbox) -> tuple[bool | None, ...]:
    """Tell of each edit whether its file parses with it, in the order of the edits.

    A file that does not parse as it is may have as many errors with the edit as without.
    None where nobody can tell: a language without a parser, a file of Python that does not
    parse as it is, one that is too long or no UTF-8, a parser that gave up or crashed.
    """
    together: dict[tuple[str, bytes], list[int]] = {}
    for place, edit in enumerate(edits[:_EDITS]):
        together.setdefault((edit.path, edit.content), []).append(place)
    tasks: list[Task] = []
    asked: list[list[int]] = []
    left = MOST_BYTES
    for (path, content), places in together.items():
        language, text = language_of(path), read_text(content)
        possible = [place for place in places if text is not None and _fits(edits[place], text)]
        size = len(content) + sum(len(edits[place].replacement) for place in possible)
        if language is None or text is None or not possible or size > left:
            continue
        left -= size
        rows = [
            (one.start_line, one.end_line, one.replacement)
            for one in map(edits.__getitem__, possible)
        ]
        tasks.append(Task(language=language, text=text, what="edits", details=rows))
        asked.append(possible)
    answers: list[Any] = await ask(tasks, sandbox)
    told: list[bool | None] = [None] * len(edits)
    for possible, answer in zip(asked, answers, strict=True):
        for place, judgement in zip(possible, answer or (), strict=answer is not None):
            told[place] = judgement if isinstance(judgement, bool) else None
    return tuple(told)


def _fits(edit: Edit, text: str) -> bool:
    """Tell whether an edit is of lines that the file has, and of a size to be tried."""
    try:
        size = len(edit.replacement.encode())
    except UnicodeEncodeError:  # a byte that is no UTF-8
        return False
    lines = text.count("\n") + 1
    return 1 <= edit.start_line <= edit.end_line <= lines and size <= MOST_FILE_BYTES
