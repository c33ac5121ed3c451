"""`codeflow worker`: executes the runs that wait in a database, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from codeflow_engine.domain.run import (
    RunEvent,
    RunFinished,
    RunRecord,
    RunResumed,
    RunStarted,
    RunStatus,
    RunWaiting,
)
from codeflow_engine.errors import ConfigurationError, StorageError
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.history import Database, SettingsFile, history_places
from codeflow_engine.hosts.cli.moments import awaited
from codeflow_engine.hosts.cli.signals import is_ignored
from codeflow_engine.hosts.cli.terminal import say
from codeflow_engine.plugins.hooks import hookimpl
from codeflow_engine.reports.prose import count
from codeflow_engine.reports.visible import escape

if TYPE_CHECKING:
    from codeflow_engine.engine import AsyncEngine

__all__ = ["worker"]

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_ONE_WISH: Final = 0.5
"""Seconds within which signals say the same: `timeout` of GNU sends one to the process and one
to its group, and a terminal and a supervisor may both send theirs."""

_LOOK: Final = 2.0
"""Seconds between two looks for runs that are parked, of which no event tells."""

_Concurrency = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Runs that execute at once. [default: 100]"),
]
_Grace = Annotated[
    float,
    typer.Option(min=0, metavar="SECONDS", help="How long runs may go on after the first signal."),
]


def worker(
    *,
    concurrency: _Concurrency = None,
    grace: _Grace = 30.0,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Execute the runs that wait, until told to end.

    Wherever they were submitted, and also those whose process is gone. On SIGTERM or Ctrl-C
    it takes up no more, lets those under way go on for --grace seconds, and gives back
    what has not ended, which other workers take up at once. A second signal, half a second
    later or more, ends it without any of that. Any number of workers may share a database, on
    one host and on many.

    Exit status: 0 after the first signal; 2 wrong usage or configuration; 3 the database
    cannot be used; 128 and its number after a second signal.
    """
    return asyncio.run(_work(db, settings, concurrency=concurrency, grace=grace))


async def _work(
    db: str | None, settings: Path | None, *, concurrency: int | None, grace: float
) -> Exit:
    told_to_end = _listen()
    # After that: importing takes longer than a supervisor may wait until it changes its mind.
    from codeflow_engine.engine import AsyncEngine

    teller = _Teller()
    options: dict[str, Any] = {**history_places(db, settings)}
    if concurrency is not None:
        options["backend_settings"] = {_carrier(settings): {"concurrency": concurrency}}
    engine = AsyncEngine(
        settings_file=settings, executes="all", plugins=[teller], logger=_logger(), **options
    )
    try:
        if not engine.begins:
            raise ConfigurationError("a worker needs a database, which others can put runs into")
        await engine.open()
        say("worker: looking for runs")
        looking = asyncio.create_task(_tell_parked(engine, teller))
        await told_to_end.wait()
        looking.cancel()
        say(f"worker: ending, {count(len(teller.under_way), 'run')} under way")
        await engine.drain(grace=grace)
        for run_id in sorted(teller.under_way):
            say(f"run {run_id}: given back")
    finally:
        await engine.aclose()
    say("worker: ended")
    return Exit.OK


async def _tell_parked(engine: AsyncEngine, teller: _Teller) -> None:
    """Say which runs cannot go on here, and why."""
    while True:
        # The worker itself warns where the storage is away.
        with contextlib.suppress(StorageError):
            for run in reversed(await engine.runs(status=RunStatus.PARKED)):
                teller.hear_parked(run.record)
        await asyncio.sleep(_LOOK)


def _listen() -> asyncio.Event:
    """Give an event that the first signal sets; a later one ends the process."""
    told_to_end = asyncio.Event()
    loop = asyncio.get_running_loop()
    first = loop.time()

    def hear(number: int) -> None:
        nonlocal first
        if not told_to_end.is_set():
            first = loop.time()
            told_to_end.set()
        elif loop.time() - first >= _ONE_WISH:
            say("worker: ended at once; what was under way goes on when its lease is over")
            # As if it were killed, which every run survives: a thread might never end.
            os._exit(128 + number)

    for number in _SIGNALS:
        if not is_ignored(number):
            loop.add_signal_handler(number, hear, number)
    return told_to_end


def _carrier(settings: Path | None) -> str:
    """Give the name of the workflow backend, whose setting the concurrency is."""
    from codeflow_engine.settings import load_settings

    return load_settings(settings).workflows


class _Teller:
    """Says which runs are taken up here, and how they end."""

    def __init__(self) -> None:
        self.under_way: set[str] = set()
        self._parked: dict[str, str | None] = {}
        """Why runs cannot go on, as it was said; each is tried again every minute."""

    def hear_parked(self, record: RunRecord) -> None:
        """Say why a run cannot go on, unless that was said before."""
        if record.status is RunStatus.PARKED and self._parked.get(record.run_id) != record.error:
            self._parked[record.run_id] = record.error
            self.under_way.discard(record.run_id)
            _say_run(record.run_id, f"parked: {record.error}")

    @hookimpl
    def codeflow_run_event(self, event: RunEvent) -> None:
        """Say what an event means for this worker, if anything."""
        run_id = event.run_id
        self._parked.pop(run_id, None)
        match event:
            case RunStarted():
                self.under_way.add(run_id)
                _say_run(run_id, f"taken up, {event.workflow}")
            case RunResumed():
                self.under_way.add(run_id)
                lost = f", recovery {event.recoveries}" if event.recoveries else ""
                _say_run(run_id, f"taken up again{lost}")
            case RunWaiting():
                self.under_way.discard(run_id)
                what = awaited(event.signals, event.wake_at)
                _say_run(run_id, f"put aside, waits {what}".rstrip())
            case RunFinished():
                self.under_way.discard(run_id)
                _say_run(run_id, f"{event.status}{f': {event.error}' if event.error else ''}")


def _say_run(run_id: str, what: str) -> None:
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    say(escape(f"run {run_id}: {what}", encoding))


class _Warnings(logging.Handler):
    """Says what the engine warns of, which has made it safe to show."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say one line: the event, and its fields."""
        fields = (
            f"{name}={value}" for name, value in vars(record).items() if name not in _OF_ALL_RECORDS
        )
        say(" ".join([f"{record.levelname.lower()}: {record.getMessage()}", *fields]))


_OF_ALL_RECORDS: Final = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})


def _logger() -> logging.Logger:
    """Make a logger of this worker's own: a library configures none that others have."""
    logger = logging.Logger("codeflow worker", logging.WARNING)  # noqa: LOG001 - see above
    logger.addHandler(_Warnings())
    return logger
