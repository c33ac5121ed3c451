"""One line on a terminal that tells how a run goes, and is gone when it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from codeflow_engine.domain.run import RunEvent
from codeflow_engine.hosts.cli.terminal import is_terminal, style_of
from codeflow_engine.reports.cells import lay_out, width
from codeflow_engine.reports.timeline import Timeline

if TYPE_CHECKING:
    from codeflow_engine.sync import Run

__all__ = ["Line", "line_of", "progress", "watch"]


def watch(
    run: Run,
    environment: Mapping[str, str],
    *,
    after: int = 0,
    hear: Callable[[RunEvent], None] | None = None,
) -> None:
    """Show how a run goes until it has ended, well or not.

    Args:
        run: Which one.
        environment: Says what the terminal can do.
        after: Number of the last event that was there before.
        hear: Gets each event after that.
    """
    with progress(environment) as show:
        for event in run.events():
            show(event)
            if hear is not None and event.sequence > after:
                hear(event)


@contextmanager
def progress(environment: Mapping[str, str]) -> Iterator[Callable[[RunEvent], None]]:
    """Lend a function that shows an event on standard error where that is a terminal."""
    line = line_of(sys.stderr, environment)
    if line is None:
        yield _ignore
        return
    timeline = Timeline()

    def show(event: RunEvent) -> None:
        # Some events tell nothing that a person waits for.
        if timeline.hear(event.to_json()):
            line.write(timeline.line)

    try:
        yield show
    finally:
        line.clear()


def line_of(stream: TextIO | None, environment: Mapping[str, str]) -> Line | None:
    """Make a line on a stream; None where that is no terminal."""
    if stream is None or not is_terminal(stream):
        return None
    style = style_of(stream, environment)
    return Line(stream, style.code_room(1), style.encoding)


def _ignore(event: RunEvent) -> None:
    """Show nothing: nobody watches."""


class Line:
    """A line of a terminal that is written over and over.

    It is made of carriage returns and blanks alone, so any terminal can clear it.

    Args:
        stream: The terminal.
        room: Cells that a line may take.
        encoding: Characters that it does not have are escaped.
    """

    def __init__(self, stream: TextIO, room: int, encoding: str) -> None:
        self._stream = stream
        self._room = room
        self._encoding = encoding
        self._shown = 0

    def write(self, text: str) -> None:
        """Show a text, cut to the room that there is; nothing in it is obeyed."""
        laid = lay_out(text, self._room, encoding=self._encoding)
        cells = width(laid.text)
        self._put("\r" + laid.text + " " * max(0, self._shown - cells))
        self._shown = max(self._shown, cells)

    def clear(self) -> None:
        """Leave no trace of the line."""
        if self._shown:
            self._put("\r" + " " * self._shown + "\r")
        self._shown = 0

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            # The terminal went away; the review goes on.
            self._shown = 0
