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

_PARSE = 2.0
"""CPU seconds of one parse. The longest file that is sent takes a fifth of one."""

_ALL = 8.0
"""CPU seconds after which no task is begun."""


def answer(stream: BinaryIO, out: BinaryIO) -> None:
    """Answer tasks until they end, or there is no time for another one."""
    for line in stream:
        if time.process_time() > _ALL:
            return
        language, text, what, details = json.loads(line)
        told = (
            _scopes(language, text, details) if what == "scopes" else _try(language, text, details)
        )
        out.write(json.dumps(told, separators=(",", ":")).encode("ascii") + b"\n")
        out.flush()


def _hurry() -> None:
    """Let the kernel end this process where the next parse takes too long."""
    signal.setitimer(signal.ITIMER_PROF, _PARSE)


def _scopes(language: str, text: str, ranges: Any) -> Any:
    _hurry()
    return (
        python.scopes(text, ranges) if language == PYTHON else trees.scopes(language, text, ranges)
    )


def _errors(language: str, text: str) -> int | None:
    _hurry()
    return python.errors(text) if language == PYTHON else trees.errors(language, text)


def _try(language: str, text: str, edits: Sequence[tuple[int, int, str]]) -> Any:
    """Judge edits of one file, each by itself."""
    before = _errors(language, text)
    # Python's parser stops at the first error: behind it nobody knows what was there before.
    if before is None or (before and language == PYTHON):
        return None
    lines = text.split("\n")
    return [_judge(language, lines, edit, before) for edit in edits]


def _judge(
    language: str, lines: Sequence[str], edit: tuple[int, int, str], before: int
) -> bool | None:
    first, last, replacement = edit
    new = replacement.split("\n") if replacement else []
    after = _errors(language, "\n".join([*lines[: first - 1], *new, *lines[last:]]))
    return None if after is None else after <= before


def main() -> None:
    """Answer on the standard output, which nothing else reaches."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    # Of the change's own code, and so many that they would fill the error output.
    warnings.simplefilter("ignore")
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        answer(sys.stdin.buffer, out)


if __name__ == "__main__":
    main()
