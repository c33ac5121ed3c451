"""One line on a terminal that tells how a run goes, and is gone when it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from codeflow_engine.domain.run import AnalyzerFinished, ChangeFetched, RunEvent, StepStarted
from codeflow_engine.hosts.cli.terminal import is_terminal, style_of
from codeflow_engine.reports.cells import lay_out, width
from codeflow_engine.reports.prose import count

__all__ = ["progress"]


@contextmanager
def progress(environment: Mapping[str, str]) -> Iterator[Callable[[RunEvent], None]]:
    """Lend a function that shows an event on standard error where that is a terminal.

    The line is made of carriage returns and blanks alone, so any terminal can clear it.
    """
    stream = sys.stderr
    if stream is None or not is_terminal(stream):
        yield _ignore
        return
    style = style_of(stream, environment)
    line = _Line(stream, style.code_room(1), style.encoding)
    try:
        yield line.show
    finally:
        line.clear()


def _ignore(event: RunEvent) -> None:
    """Show nothing: nobody watches."""


class _Line:
    def __init__(self, stream: TextIO, room: int, encoding: str) -> None:
        self._stream = stream
        self._room = room
        self._encoding = encoding
        self._scope = ""
        self._shown = 0

    def show(self, event: RunEvent) -> None:
        """Show what an event tells; some tell nothing that a person waits for."""
        match event:
            case ChangeFetched():
                self._scope = f" {count(event.units, 'unit')} in {count(event.files, 'file')}"
                self._write(f"reviewing{self._scope}")
            case StepStarted():
                name = event.step if event.key is None else f"{event.step} {event.key}"
                self._write(f"reviewing{self._scope}: {name}")
            case AnalyzerFinished():
                found = count(event.findings, "finding")
                self._write(f"reviewing{self._scope}: {event.analyzer} has ended, {found}")

    def clear(self) -> None:
        """Leave no trace of the line."""
        if self._shown:
            self._put("\r" + " " * self._shown + "\r")
        self._shown = 0

    def _write(self, text: str) -> None:
        laid = lay_out(text, self._room, encoding=self._encoding)
        cells = width(laid.text)
        self._put("\r" + laid.text + " " * max(0, self._shown - cells))
        self._shown = max(self._shown, cells)

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            # The terminal went away; the review goes on.
            self._shown = 0
