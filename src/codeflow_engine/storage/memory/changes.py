"""How the record of a run changes with its claims, states and ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from codeflow_engine.domain.journal import RunState
from codeflow_engine.domain.run import RunRecord, RunStatus

__all__ = ["cancelled", "claimed", "in_state", "resumed", "woken"]


def claimed(run: RunRecord, now: datetime, *, lost: bool) -> RunRecord:
    """Let a run execute.

    Args:
        run: As it is.
        now: The engine's time.
        lost: Whether a worker held it that is gone.
    """
    deadline = run.deadline
    if deadline is None and run.seconds_left is not None:
        deadline = now + timedelta(seconds=run.seconds_left)
    return replace(
        run,
        status=RunStatus.RUNNING,
        updated_at=now,
        wake_at=None,
        waits_for=(),
        started_at=run.started_at or now,
        deadline=deadline,
        seconds_left=None,
        recoveries=run.recoveries + lost,
    )


def in_state(run: RunRecord, state: RunState) -> RunRecord:
    """Let a run that executes stand where its worker says."""
    is_running, has_ended = state.status is RunStatus.RUNNING, state.status.is_terminal
    waits = not (is_running or has_ended)
    return replace(
        run,
        status=state.status,
        updated_at=state.at,
        wake_at=state.wake_at if waits else None,
        waits_for=state.waits_for if waits else (),
        deadline=run.deadline if is_running else None,
        seconds_left=None if has_ended else state.seconds_left,
        error=state.error,
        summary=state.summary,
    )


def woken(run: RunRecord) -> RunRecord:
    """Make a run due at once, however the clocks of those go that send to it and claim it."""
    return replace(run, wake_at=run.created_at)


def cancelled(run: RunRecord, now: datetime) -> RunRecord:
    """End a run that nobody executes."""
    return replace(
        run,
        status=RunStatus.CANCELLED,
        updated_at=now,
        wake_at=None,
        waits_for=(),
        seconds_left=None,
        cancelling=True,
    )


def resumed(run: RunRecord, now: datetime, seconds: float | None) -> RunRecord:
    """Let a run go on that has ended, or is parked."""
    return replace(
        run,
        status=RunStatus.PENDING,
        updated_at=now,
        wake_at=now,
        waits_for=(),
        seconds_left=seconds,
        recoveries=0,
        error=None,
        cancelling=False,
    )
