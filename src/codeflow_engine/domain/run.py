"""Runs of workflows, and the events that tell how a run goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from codeflow_engine.domain.coverage import Outcome
from codeflow_engine.domain.usage import Usage

__all__ = [
    "EVENT_KINDS",
    "AnalyzerFinished",
    "ChangeFetched",
    "ChunkInspected",
    "ReviewJudged",
    "RunEvent",
    "RunFinished",
    "RunNoted",
    "RunRecord",
    "RunResumed",
    "RunStarted",
    "RunStatus",
    "RunWaiting",
    "StepFinished",
    "StepStarted",
]


class RunStatus(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    """It waits for somebody to execute it."""

    RUNNING = "running"
    WAITING = "waiting"
    """It waits for a moment or a signal, and takes no memory of any process."""

    PARKED = "parked"
    """It cannot go on here: a plugin, or a version of its workflow, is missing. It is tried
    again from time to time."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    """It executed for longer than it may."""

    DEAD = "dead"
    """It was taken up again and again, and each time its process ended without a word."""

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended; only a person can resume it."""
        return self not in _GOING_ON


_GOING_ON = frozenset({RunStatus.PENDING, RunStatus.RUNNING, RunStatus.WAITING, RunStatus.PARKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run, as the storage keeps it."""

    run_id: str
    workflow: str
    version: int
    """Version of the workflow; its author raises it when the steps change."""

    tenant: str
    input: Mapping[str, Any]
    """Plain JSON data that the workflow was started with."""

    status: RunStatus = RunStatus.PENDING
    created_at: datetime
    updated_at: datetime
    error: str | None = None
    """Type and message of what ended the run, redacted; None unless it failed."""

    summary: Mapping[str, Any] | None = None
    """What came of it, in short, for lists of runs: plain JSON data in the form of its
    workflow. None unless it succeeded, and where the workflow gives none."""

    key: str | None = None
    """What the caller knows it by, such as the id of a delivery: at most one run of a tenant
    has it. None where nobody has to find it again."""

    digest: str = ""
    """Of the whole input, to tell whether a key was used for another one."""

    parent: str | None = None
    """Id of the run that started it."""

    partition: str | None = None
    """What it works on, such as a repository, where few may do so at once."""

    priority: int = 0
    """The higher one executes first; among equals the one that was created first."""

    wake_at: datetime | None = None
    """From when on it may be taken up; None while it executes, waits for a signal alone, or
    has ended."""

    waits_for: tuple[str, ...] = ()
    """Names of the signals that it waits for."""

    started_at: datetime | None = None
    """When it began to execute for the first time."""

    deadline: datetime | None = None
    """When it is ended; None while it does not execute, and where it has no limit."""

    seconds_left: float | None = None
    """Time that it may still execute, while it does not; None where it has no limit."""

    recoveries: int = 0
    """How often it was taken up because its worker was gone, since its last finished step."""

    cancelling: bool = False
    """Whether somebody has asked for its end."""

    traceparent: str | None = None
    """Where it was submitted, in the form of W3C Trace Context: its executions belong to that
    trace. None where nobody traces."""

    def to_json(self) -> dict[str, Any]:
        """Give what tells how the run stands as plain JSON data; its input is left out."""
        from codeflow_engine.domain.encoding import to_plain

        plain: dict[str, Any] = to_plain(replace(self, input={}))
        del plain["input"]
        return plain


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """Something that happened in a run. Every event of a run has the next number."""

    run_id: str
    sequence: int
    """Position in the run's stream, counted from 1 without gaps."""

    at: datetime

    def to_json(self) -> dict[str, Any]:
        """Give the event as plain JSON data, with the name of its class under `event`."""
        from codeflow_engine.domain.encoding import to_plain

        return {"event": type(self).__name__, **to_plain(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(RunEvent):
    """The first event of every run."""

    workflow: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWaiting(RunEvent):
    """The run was put aside until a moment or a signal comes."""

    wake_at: datetime | None
    """The moment; None where only a signal ends the wait."""

    signals: tuple[str, ...] = ()
    """Names of the signals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed(RunEvent):
    """The run was taken up again, and what it has done is not done again."""

    recoveries: int
    """How often its worker was gone, since its last finished step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted(RunEvent):
    """An attempt of a step, or a computation, began to execute."""

    step: str
    key: str | None = None
    """Tells parallel steps of one name apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished(RunEvent):
    """An attempt of a step, or a computation, returned or raised."""

    step: str
    key: str | None = None
    seconds: float
    error: str | None = None
    """Type of what it raised; None where it returned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFetched(RunEvent):
    """The change is known."""

    title: str
    files: int
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzerFinished(RunEvent):
    """An analyzer has ended, well or not."""

    analyzer: str
    findings: int
    examined: int
    """Number of units that it examined."""

    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkInspected(RunEvent):
    """Models were asked about a part of the change."""

    number: int
    """How many chunks were inspected so far."""

    chunks: int
    """How many there are."""

    units: int
    """Number of units that the chunk shows."""

    findings: int
    failure: str | None = None
    """Why not all of its units were examined."""

    usage: Usage
    """What the review has taken of models so far, as far as this run has paid for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewJudged(RunEvent):
    """The review is complete."""

    outcome: Outcome
    reason: str | None
    findings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNoted(RunEvent):
    """Something that a workflow tells those who follow its runs."""

    message: str
    data: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(RunEvent):
    """The last event of every run, unless somebody resumes it."""

    status: RunStatus
    error: str | None = None


EVENT_KINDS: Mapping[str, type[RunEvent]] = {
    kind.__name__: kind
    for kind in (
        RunEvent,
        RunStarted,
        RunWaiting,
        RunResumed,
        StepStarted,
        StepFinished,
        ChangeFetched,
        AnalyzerFinished,
        ChunkInspected,
        ReviewJudged,
        RunNoted,
        RunFinished,
    )
}
"""Every kind of event by its name, which is how a storage keeps the type of one."""
