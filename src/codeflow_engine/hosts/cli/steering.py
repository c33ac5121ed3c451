"""`codeflow resume`, `cancel` and `approve`: what people say to runs."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from codeflow_engine.domain.run import RunEvent, RunStatus, RunWaiting
from codeflow_engine.errors import ConfigurationError, WorkflowError
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.formats import ReportFormat
from codeflow_engine.hosts.cli.history import Database, SettingsFile, history_engine
from codeflow_engine.hosts.cli.lookup import RunId, find_run, gone, summary, waits
from codeflow_engine.hosts.cli.moments import awaited
from codeflow_engine.hosts.cli.outcome import (
    FailOn,
    Gate,
    Output,
    destination_of,
    exit_status,
    report,
)
from codeflow_engine.hosts.cli.progress import watch
from codeflow_engine.hosts.cli.showing import write_run
from codeflow_engine.hosts.cli.terminal import is_terminal, say, write_out
from codeflow_engine.hosts.cli.user import user_name
from codeflow_engine.reports.visible import escape

if TYPE_CHECKING:
    from codeflow_engine.domain.review import Review
    from codeflow_engine.sync import Engine, Run

__all__ = ["approve", "cancel", "resume"]

_LOOK: Final = 0.5
"""Seconds between two looks at a run that executes elsewhere."""


def resume(
    run: RunId,
    *,
    form: ReportFormat = "text",
    output: Output = None,
    fail_on: FailOn = Gate.HIGH,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Let a run go on here, and report what comes of it.

    It takes up a run that was interrupted or cancelled, has failed, timed out, is dead or
    parked, or waits for a worker. Steps that have ended are not executed again. A review is
    reported as codeflow review does, any other run is shown. Ctrl-C cancels it, as a review.

    Exit status: as of codeflow review; of another run 0 where it has succeeded.
    """
    destination = destination_of(output)
    with history_engine(db, settings, executes="own", grows=True) as engine:
        found = find_run(engine, run)
        is_review = found.record.workflow == "review"
        if destination is not None and not is_review:
            raise ConfigurationError(f"--output takes the report of a review; {run!r} is none")
        after = max((event.sequence for event in found.events(wait=False)), default=0)
        _go_on(engine, found)
        watch(found, os.environ, after=after, hear=_tell_wait)
        if not is_review:
            return _end_of_other(engine, found, form)
        review: Review = found.result()
    report(review, form, destination)
    return exit_status(review, fail_on)


def _tell_wait(event: RunEvent) -> None:
    """Say what a run waits for that was put aside; on a terminal the line of progress does."""
    if isinstance(event, RunWaiting) and not is_terminal(sys.stderr):
        what = awaited(event.signals, event.wake_at)
        say(escape(f"run {event.run_id} waits {what}".rstrip()))


def _end_of_other(engine: Engine, run: Run, form: str) -> Exit:
    """Show a run that is no review."""
    record = run.refresh()
    if record.status is not RunStatus.SUCCEEDED:
        raise WorkflowError(
            f"run {run.id} is {record.status}: {record.error or 'it has no result'}"
        )
    write_run(engine, run, form)
    return Exit.OK


def _go_on(engine: Engine, run: Run) -> None:
    """Take a run up here, as soon as nobody else executes it; one may end meanwhile."""
    record = run.record
    if record.status is RunStatus.SUCCEEDED:
        raise ConfigurationError(f"run {run.id} has succeeded: codeflow show tells what came of it")
    is_due = record.wake_at is not None and record.wake_at <= datetime.now(UTC)
    if record.status in {RunStatus.WAITING, RunStatus.PENDING} and not is_due:
        what = waits(summary(record, interrupted=False)) or "for somebody"
        raise ConfigurationError(f"run {run.id} has nothing to resume: it waits {what}")
    if record.status is RunStatus.RUNNING and run.id not in gone(engine):
        say(f"run {run.id} is under way elsewhere: waiting for its end, or for its worker to go")
        while run.refresh().status is RunStatus.RUNNING and run.id not in gone(engine):
            time.sleep(_LOOK)
        if run.status.is_terminal:
            return
    run.resume()


def cancel(run: RunId, *, db: Database = None, settings: SettingsFile = None) -> int:
    """End a run and all that it has started.

    Wherever they execute, it waits until they are gone. The run can be resumed.

    Exit status: 0 where it is cancelled; 2 where it had ended otherwise.
    """
    with history_engine(db, settings, executes="own") as engine:
        found = find_run(engine, run)
        if found.status is RunStatus.RUNNING:
            say(f"run {found.id} is under way: waiting until it has let go")
        found.cancel()
        status = found.refresh().status
    if status is not RunStatus.CANCELLED:
        raise ConfigurationError(f"run {found.id} has ended already: it is {status}")
    write_out(f"cancelled run {found.id}\n")
    return Exit.OK


def approve(
    run: RunId,
    *,
    by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who says so. [default: the user's name]")
    ] = None,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Approve what a run waits to do.

    A worker goes on with it then, or codeflow resume. The first approval counts, also one that
    comes before the run has asked for it.

    Exit status: 0 where it was told; 2 where it has ended.
    """
    name = by or user_name("--by")
    with history_engine(db, settings) as engine:
        found = find_run(engine, run)
        if found.status.is_terminal:
            raise ConfigurationError(f"run {found.id} has ended already: it is {found.status}")
        found.approve(by=name)
    write_out(f"approved run {found.id}\n")
    return Exit.OK
