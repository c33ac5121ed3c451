"""What is written down of a run so that another process can go on with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus

__all__ = [
    "Claim",
    "Notice",
    "RunLimits",
    "RunState",
    "RunWrite",
    "Signal",
    "StepKind",
    "StepRecord",
    "StepState",
    "Submission",
]


class StepKind(StrEnum):
    """What a step does; the same place in a workflow has the same kind every time."""

    WORK = "work"
    EFFECT = "effect"
    SLEEP = "sleep"
    RECEIVE = "receive"
    CHILD = "child"
    EMIT = "emit"


class StepState(StrEnum):
    """How far a step has come."""

    WAITING = "waiting"
    """It waits: for its time, a signal, or the time of its next attempt."""

    DONE = "done"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether a record of this state never changes any more."""
        return self is not StepState.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """What is known of one step of a run. Its identity is run, name and key."""

    run_id: str
    name: str
    key: str
    """Tells steps of one name apart: `=` and what the author gave, or `#` and a number that
    counts the steps of that name without one."""

    position: int
    """Place in the order in which the steps of the run were asked for, counted from 1."""

    kind: StepKind = StepKind.WORK
    state: StepState
    attempts: int = 1
    """How often its work was begun, this time included."""

    started_at: datetime
    """When it was first asked for."""

    finished_at: datetime
    """When this was written down."""

    wake_at: datetime | None = None
    """What it waits for comes at this moment, at the latest; None where only a signal ends it."""

    value: bytes | None = None
    """What it returned, encoded; None unless it is done, or keeps where an execution was
    traced. A run that has succeeded needs them no longer, and drops them."""

    error: str | None = None
    """What it raised, as JSON; None unless it failed, or waits for its next attempt."""

    def to_json(self) -> dict[str, Any]:
        """Give what tells how the step went as plain JSON data; its value is left out.

        Under `error` stands the type of what it raised, and its message where that is ours.
        """
        from codeflow_engine.domain.encoding import to_plain

        plain: dict[str, Any] = to_plain(replace(self, value=None))
        del plain["value"]
        return {**plain, "error": None if self.error is None else _told(self.error)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A message to a run, such as an approval. Its identity is run and id."""

    run_id: str
    signal_id: str
    """The same message sent again has the same id, and changes nothing."""

    name: str
    """What a workflow asks for in `receive`."""

    value: Any = None
    """Plain JSON data."""

    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """What changes in the row of a run, all of it at once."""

    status: RunStatus
    at: datetime
    """Becomes `RunRecord.updated_at`."""

    wake_at: datetime | None = None
    """From when on it may be taken up again; None where something else has to come first.
    Of no meaning for a run that has ended."""

    waits_for: tuple[str, ...] = ()
    """Names of the signals that it waits for; one that is there already wakes it at once."""

    seconds_left: float | None = None
    """Time that it may still execute; None where it has no limit, or has ended."""

    error: str | None = None
    summary: Mapping[str, Any] | None = None
    result: bytes | None = None
    """What the workflow returned, encoded; of one that failed its error, as JSON."""

    def of(self, record: RunRecord) -> RunRecord:
        """Give a run as it is in this state."""
        goes_on = not self.status.is_terminal
        executes = self.status is RunStatus.RUNNING
        return replace(
            record,
            status=self.status,
            updated_at=self.at,
            wake_at=self.wake_at if goes_on else None,
            waits_for=self.waits_for if goes_on else (),
            deadline=record.deadline if executes else None,
            seconds_left=self.seconds_left if goes_on else None,
            error=self.error,
            summary=self.summary,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWrite:
    """What one execution of a run writes at once: all of it or nothing.

    It is written only where the run is still held under `fence`.
    """

    tenant: str
    run_id: str
    fence: int
    """That of the claim under which the run executes."""

    steps: tuple[StepRecord, ...] = ()
    """A final record stays as it was written first."""

    events: tuple[RunEvent, ...] = ()
    taken: tuple[str, ...] = ()
    """Ids of signals to this run that one of `steps` has received."""

    effects: tuple[Effect, ...] = ()
    """Effects that are about to be delivered; one that is planned already stays as it is."""

    receipts: tuple[Receipt, ...] = ()
    """Receipts of planned effects; the first one of an effect stays."""

    signals: tuple[Signal, ...] = ()
    """Messages to other runs, such as that to a parent at the end."""

    state: RunState | None = None
    """Where the run stands from now on. Any other status than `RUNNING` gives the claim up,
    and `SUCCEEDED` drops input and values of steps. None leaves it as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A new run, and what its workflow works on."""

    record: RunRecord
    payload: bytes
    """The input, encoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right of one worker to execute a run, and all that it needs to do so."""

    record: RunRecord
    """As it is now: `RUNNING`, with its deadline."""

    fence: int
    """Greater than that of any claim before it."""

    payload: bytes
    steps: tuple[StepRecord, ...] = ()
    """Sorted by position."""

    last_event: int = 0
    """Number of the last stored event; 0 where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What somebody else has said about a run while it executes."""

    run_id: str
    fence: int
    """The newest one: another number than that of the claim says that it was taken over."""

    cancelling: bool
    signals: int
    """Number of signals that no step has received yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """How many runs of a workflow execute, counted over all workers of a tenant."""

    running: int | None = None
    """Runs at once; None for any number."""

    partition: int | None = None
    """Runs of the same partition at once; those without one are not counted."""

    starts: int | None = None
    """Runs that begin for the first time within `seconds`."""

    seconds: float = 60.0


def _told(error: str) -> str:
    """Read what the record of an error says to those who look at it."""
    try:
        told = json.loads(error)["told"]
    except (ValueError, LookupError, TypeError, RecursionError):
        told = None
    return told if isinstance(told, str) else "an error that cannot be read"
