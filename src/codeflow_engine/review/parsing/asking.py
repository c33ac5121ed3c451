"""Ask the program that parses, and go on behind what it dies of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from codeflow_engine.errors import SandboxError
from codeflow_engine.sandbox import Limits, Sandbox

__all__ = ["MOST_BYTES", "MOST_FILE_BYTES", "PARSE_SECONDS", "Task", "ask", "read_text"]

MOST_FILE_BYTES: Final = 512 * 1024
"""Longest file that is parsed: it takes 0.2 s of CPU, and 100 MB."""

MOST_BYTES: Final = 8 * 1024 * 1024
"""Bytes of all files of one request together."""

PARSE_SECONDS: Final = 1.0
"""CPU seconds of one parse; what takes longer is ended, and has no answer."""

_PROGRAM: Final = "codeflow_engine.review.parsing.child"
_STARTS: Final = 3
"""Processes for one request: it may hold two files that a parser dies of."""

_LIMITS: Final = Limits(
    timeout=30.0,
    cpu_seconds=20,
    memory_bytes=1024 * 1024 * 1024,
    processes=4,
    output_bytes=8 * 1024 * 1024,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One file to parse."""

    language: str
    text: str
    what: Literal["scopes", "edits"]
    details: Sequence[tuple[int | str, ...]]
    """Ranges of lines, or edits; see `child`."""


def read_text(content: bytes) -> str | None:
    """Read a file that is to be parsed; None where it is too long, or no UTF-8."""
    if len(content) > MOST_FILE_BYTES:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


async def ask(tasks: Sequence[Task], sandbox: Sandbox) -> list[Any]:
    """Give an answer to each task: a list as long as its details, or None.

    Where a process crashes, or is ended for what a parse takes, its task has no answer, and
    those behind it go on in another process, twice. What an answer holds is not checked:
    a parser that a file has taken over may write anything.
    """
    answers: list[Any] = [None] * len(tasks)
    left = list(range(len(tasks)))
    for _ in range(_STARTS):
        if not left:
            break
        request = await asyncio.to_thread(_write, [tasks[place] for place in left])
        try:
            done = await sandbox.run_python(
                _PROGRAM, str(PARSE_SECONDS), stdin=request, limits=_LIMITS
            )
        except SandboxError:  # no interpreter, no time: nobody can tell
            break
        told = await asyncio.to_thread(_read, done.stdout, [tasks[place] for place in left])
        for place, answer in zip(left, told, strict=False):
            answers[place] = answer
        if done.returncode == 0:
            break
        left = left[len(told) + 1 :]
    return answers


def _write(tasks: Sequence[Task]) -> bytes:
    rows = ([task.language, task.text, task.what, task.details] for task in tasks)
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def _read(output: bytes, tasks: Sequence[Task]) -> list[Any]:
    """Read answers up to the last whole one."""
    answers: list[Any] = []
    for row, task in zip(output.split(b"\n")[:-1], tasks, strict=False):
        try:
            answer = json.loads(row)
        except (ValueError, RecursionError):
            break
        fits = isinstance(answer, list) and len(answer) == len(task.details)
        answers.append(answer if fits else None)
    return answers
