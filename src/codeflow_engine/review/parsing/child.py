"""The program that parses: a task on each line of its input, an answer on each of its output.

| a task asks | the answer |
|---|---|
| `[language, text, "scopes", [[low, high], ...]]` | for each range, its scopes |
| `[language, text, "edits", [[first, last, replacement], ...]]` | for each edit, a judgement |

An answer is `null` where nobody can tell. A parse that takes too long ends the process, as
a crash does: the answers before it stand, and who asked goes on behind the task it died of.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from typing import Any, BinaryIO

from codeflow_engine.review.parsing import python, trees
from codeflow_engine.review.parsing.languages import PYTHON

__all__ = ["answer", "main"]

_ALL = 8.0
"""CPU seconds after which no task is begun."""


def answer(stream: BinaryIO, out: BinaryIO, seconds: float) -> None:
    """Answer tasks until they end, or there is no time for another one.

    Args:
        stream: The tasks.
        out: Where the answers go, each as soon as it is there.
        seconds: CPU seconds of one parse; 0 for any number.
    """
    begun = time.process_time()
    asked = {"scopes": _scopes, "edits": _try}
    for line in stream:
        if time.process_time() - begun > _ALL:
            return
        language, text, what, details = json.loads(line)
        told = asked[what](_Parser(language, seconds), text, details)
        out.write(json.dumps(told, separators=(",", ":")).encode("ascii") + b"\n")
        out.flush()


class _Parser:
    """Parses one language, and has the kernel end the process where that takes too long."""

    def __init__(self, language: str, seconds: float) -> None:
        self.language = language
        self._seconds = seconds

    def scopes(self, text: str, ranges: Any) -> Any:
        signal.setitimer(signal.ITIMER_PROF, self._seconds)
        if self.language == PYTHON:
            return python.scopes(text, ranges)
        return trees.scopes(self.language, text, ranges)

    def errors(self, text: str) -> int | None:
        signal.setitimer(signal.ITIMER_PROF, self._seconds)
        return python.errors(text) if self.language == PYTHON else trees.errors(self.language, text)


def _scopes(parser: _Parser, text: str, ranges: Any) -> Any:
    return parser.scopes(text, ranges)


def _try(parser: _Parser, text: str, edits: Sequence[tuple[int, int, str]]) -> Any:
    """Judge edits of one file, each by itself."""
    before = parser.errors(text)
    # Python's parser stops at the first error: behind it nobody knows what was there before.
    if before is None or (before and parser.language == PYTHON):
        return None
    lines = text.split("\n")
    return [_judge(parser, lines, edit, before) for edit in edits]


def _judge(
    parser: _Parser, lines: Sequence[str], edit: tuple[int, int, str], before: int
) -> bool | None:
    first, last, replacement = edit
    new = replacement.split("\n") if replacement else []
    after = parser.errors("\n".join([*lines[: first - 1], *new, *lines[last:]]))
    return None if after is None else after <= before


def main() -> None:
    """Answer on the standard output, which nothing else reaches."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    # Of the change's own code, and so many that they would fill the error output.
    warnings.simplefilter("ignore")
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        answer(sys.stdin.buffer, out, float(sys.argv[1]))


if __name__ == "__main__":
    main()
