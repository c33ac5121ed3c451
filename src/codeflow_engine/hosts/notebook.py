"""Live progress of a run in a notebook.

```python
run = engine.submit("review", {"change": ".", "base": "main"})
review = follow(run)  # with an AsyncEngine: await afollow(run)
```

In a notebook the run is drawn and redrawn in one place, and what stays in the saved file is
its end. Anywhere else the same words go to standard error.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunEvent, RunFinished
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.hosts.cli.progress import line_of
from codeflow_engine.hosts.cli.terminal import say
from codeflow_engine.reports.html import fragment
from codeflow_engine.reports.mime import bundle
from codeflow_engine.reports.text import headline
from codeflow_engine.reports.timeline import Timeline
from codeflow_engine.reports.visible import escape
from codeflow_engine.runs.handle import AsyncRun
from codeflow_engine.sync import Run

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["afollow", "follow"]

_WAKE = 0.2
"""Seconds between two looks at whether somebody has interrupted the kernel."""


def follow(run: Run, *, widgets: bool = True) -> Any:
    """Show how a run goes until it ends, and return its result.

    What ends the wait ends the run: when the kernel is interrupted, or an error is raised,
    the run is cancelled, and the last line says so.

    Args:
        run: A run of the synchronous `Engine`.
        widgets: Whether to draw with ipywidgets where a kernel has them. Say False where
            the notebook is shown by something that does not know widgets.

    Raises:
        ConfigurationError: The run is one of an `AsyncEngine`; `afollow` follows it.
        RunCancelledError: The run was cancelled.
        CodeflowError: Whatever ended the run.
    """
    if not isinstance(run, Run):
        raise ConfigurationError("follow takes a run of the synchronous Engine; see afollow")
    watch = _Watch(run, widgets=widgets)
    try:
        watch.start()
        for event in run.events():
            watch.hear(event)
        result = run.result()
    except BaseException:
        try:
            if not run.status.is_terminal:
                watch.say("stopping the run")
                run.cancel()
        finally:
            watch.end()
        raise
    watch.end(result)
    return result


async def afollow(run: AsyncRun, *, widgets: bool = True) -> Any:
    """Do what `follow` does, for a run of an `AsyncEngine`; cancelling it cancels the run.

    Raises:
        ConfigurationError: The run is one of the synchronous `Engine`.
        RunCancelledError: The run was cancelled.
        CodeflowError: Whatever ended the run.
    """
    if not isinstance(run, AsyncRun):
        raise ConfigurationError("afollow takes a run of an AsyncEngine; see follow")
    watch = _Watch(run, widgets=widgets)
    try:
        with _waking():
            watch.start()
            async for event in run.events():
                watch.hear(event)
            result = await run.result()
    except BaseException:
        try:
            if not run.status.is_terminal:
                watch.say("stopping the run")
                await run.cancel()
        finally:
            watch.end()
        raise
    watch.end(result)
    return result


@contextmanager
def _waking() -> Iterator[None]:
    """Wake the loop now and then, so that an interrupt of the kernel is heard.

    A loop that sleeps until its next event sleeps through the signal: measured with
    ipykernel 7.4, a cell that awaits something is interrupted only when that has happened.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def again() -> None:
        nonlocal timer
        timer = loop.call_later(_WAKE, again)

    again()
    try:
        yield
    finally:
        timer.cancel()


class _Sight:
    """A run as it stands at one moment, in every form that a front end may show."""

    def __init__(
        self, line: str, timeline: Timeline, run: Mapping[str, Any], *, ended: bool
    ) -> None:
        self.line = line
        self.timeline = timeline
        self.ended = ended
        self._run = run

    @property
    def text(self) -> str:
        """The line, with what is done so far until the run has ended."""
        return escape(self.line if self.ended else f"{self.line} ({self.timeline.counts})")

    @property
    def html(self) -> str:
        """A fragment of HTML."""
        return fragment.run(self._run, self.timeline, line=self.line, folded=self.ended)

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        makers = {"text/plain": lambda: self.text, "text/html": lambda: self.html}
        return bundle(makers, include, exclude)


class _Board(Protocol):
    """Something that a run can be drawn on."""

    def show(self, sight: _Sight) -> None:
        """Draw how the run stands, in place of what was drawn before."""
        ...


class _Watch:
    """Hears the events of a run, and has them drawn."""

    def __init__(self, run: Run | AsyncRun, *, widgets: bool) -> None:
        self._run = run
        self._widgets = widgets
        self._board: _Board | None = None
        self._timeline = Timeline()
        self._finished: Mapping[str, Any] = {}

    def start(self) -> None:
        """Draw the run for the first time."""
        self.say(self._timeline.line)

    def hear(self, event: RunEvent) -> None:
        """Take in an event, and draw what it changes."""
        plain = event.to_json()
        if isinstance(event, RunFinished):
            # The record of a run that executes elsewhere stays as it was read.
            self._finished = {"status": plain["status"], "error": plain["error"]}
        self._timeline.hear(plain)
        if not self._finished:
            self.say(self._timeline.line)

    def say(self, line: str, *, ended: bool = False) -> None:
        """Draw the run under a line."""
        if self._board is None:
            self._board = _board(widgets=self._widgets)
        self._board.show(_Sight(line, self._timeline, self._plain(), ended=ended))

    def end(self, result: object = None) -> None:
        """Draw the run for the last time, under a line that says how it ended."""
        line = self._timeline.ending(self._plain())
        if isinstance(result, Review):
            line = headline(result.to_json())
        elif not (self._finished or self._run.status.is_terminal):
            line += "; nobody follows it here any more"
        self.say(line, ended=True)

    def _plain(self) -> dict[str, Any]:
        return {**self._run.record.to_json(), **self._finished}


class _Lines:
    """Standard error: one line that is written over on a terminal, else one after the other."""

    def __init__(self) -> None:
        self._line = line_of(sys.stderr, {})
        self._last = ""

    def show(self, sight: _Sight) -> None:
        """Write the line, where it is another one."""
        if sight.ended:
            if self._line is not None:
                self._line.clear()
            say(sight.text)
        elif sight.line == self._last:
            return
        elif self._line is not None:
            self._line.write(sight.line)
        else:
            say(escape(sight.line))
        self._last = sight.line


class _Display:
    """An output of the cell that is replaced again and again."""

    def __init__(self, display: Any) -> None:
        self._display = display
        self._handle: Any = None

    def show(self, sight: _Sight) -> None:
        """Replace the output."""
        if self._handle is None:
            self._handle = self._display(sight, display_id=True)
        else:
            self._handle.update(sight)


class _Widgets:
    """A bar and a drawing of the run, in whose place its end is put as plain output.

    A saved notebook has no live widgets: only what is put there at the end is seen later.
    """

    def __init__(self, display: Any, ipywidgets: ModuleType) -> None:
        self._bar = ipywidgets.IntProgress(min=0, max=1, layout={"width": "100%"})
        self._drawing = ipywidgets.HTML()
        self._box = ipywidgets.VBox([self._bar, self._drawing])
        self._handle = display(self._box, display_id=True)

    def show(self, sight: _Sight) -> None:
        """Move the bar and draw the run, or put its end in their place."""
        if sight.ended:
            self._handle.update(sight)
            for widget in (self._box, self._bar, self._drawing):
                widget.close()
            return
        steps = sight.timeline.steps.values()
        self._bar.max = max(len(steps), 1)
        self._bar.value = sum(step.seconds is not None for step in steps)
        self._drawing.value = sight.html


def _board(*, widgets: bool) -> _Board:
    """Choose what to draw on: a notebook's kernel can replace what it has shown."""
    # Who runs in a kernel has IPython loaded; nobody else needs it.
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if getattr(shell, "kernel", None) is None:
        return _Lines()
    from IPython.display import display

    if widgets:
        try:
            # By name, since it comes without types.
            return _Widgets(display, import_module("ipywidgets"))
        except ImportError:
            return _Display(display)
    return _Display(display)
