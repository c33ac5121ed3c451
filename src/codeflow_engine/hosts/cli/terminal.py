"""The standard streams: what they can show, and writing to them without a crash."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Mapping
from typing import TextIO

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.reports.style import Style
from codeflow_engine.reports.visible import escape

__all__ = [
    "encoding_of",
    "is_terminal",
    "prepare_streams",
    "say",
    "say_error",
    "style_of",
    "write_out",
]


def prepare_streams() -> None:
    """Let the standard streams escape what their encoding does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_terminal(stream: TextIO | None) -> bool:
    """Say whether a stream is there, open, and a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


def style_of(
    stream: TextIO | None, environment: Mapping[str, str], *, width: int | None = 100
) -> Style:
    """Choose how text looks on a stream; `width` holds where there is no terminal to ask.

    Colours stand on a terminal that knows them, unless `NO_COLOR` is set; `FORCE_COLOR`
    brings them elsewhere. Both count when they are not empty (no-color.org, force-color.org).
    """
    terminal = is_terminal(stream)
    color = terminal and environment.get("TERM", "") not in {"", "dumb"}
    if environment.get("FORCE_COLOR"):
        color = True
    if environment.get("NO_COLOR"):
        color = False
    if terminal:
        width = shutil.get_terminal_size((100, 0)).columns
    return Style(color=color, width=width, encoding=encoding_of(stream))


def encoding_of(stream: TextIO | None) -> str:
    """Give the encoding of a stream, or that of most where there is none."""
    return getattr(stream, "encoding", None) or "utf-8"


def write_out(text: str) -> bool:
    """Write to standard output; say whether anybody reads it, which is no error where not.

    Raises:
        ConfigurationError: It is closed, or nothing can be written to it.
    """
    stream = sys.stdout
    if stream is None:
        raise ConfigurationError("standard output is closed; use --output for a file")
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _silence(stream)
        return False
    except (OSError, ValueError) as error:
        _silence(stream)
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"standard output cannot be written: {reason}") from error
    return True


def say(text: str) -> None:
    """Write a line to standard error; nobody may be listening."""
    stream = sys.stderr
    if stream is None:
        return
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except (OSError, ValueError):
        _silence(stream)


def say_error(message: str) -> None:
    """Write one line on what went wrong, with nothing in it that a terminal obeys."""
    line = " ".join(part.strip() for part in message.splitlines() if part.strip())
    say(f"error: {escape(line, encoding_of(sys.stderr))}")


def _silence(stream: TextIO) -> None:
    """Turn a stream to nowhere: the interpreter flushes it once more when it ends."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
