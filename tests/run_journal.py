"""A run in its JSON form with the journal of its steps, for tests of how it is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from codeflow_engine.reports.timeline import Timeline

__all__ = ["at", "read", "run", "step", "step_event"]

_START = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    """Give the moment so many seconds after the run was submitted, as JSON has it."""
    return (_START + timedelta(seconds=seconds)).isoformat()


def run(**fields: Any) -> dict[str, Any]:
    """Make a run as `RunRecord.to_json` gives it: one that took a minute, with other fields."""
    return {
        "run_id": "run-1",
        "workflow": "triage",
        "status": "succeeded",
        "created_at": at(0),
        "started_at": at(2),
        "updated_at": at(62),
        "error": None,
        "summary": None,
        "wake_at": None,
        "waits_for": [],
        "recoveries": 0,
    } | fields


def step(name: str, key: str = "#1", *, begun: float = 2, ended: float = 3, **more: Any) -> Any:
    """Make a step as `StepRecord.to_json` gives it: work that is done, with other fields."""
    return {
        "run_id": "run-1",
        "name": name,
        "key": key,
        "position": 1,
        "kind": "work",
        "state": "done",
        "attempts": 1,
        "started_at": at(begun),
        "finished_at": at(ended),
        "wake_at": None,
        "error": None,
    } | more


def step_event(
    kind: str, step: str, key: str | None = None, *, seconds: float, took: float | None = None
) -> dict[str, Any]:
    """Make an event of a step, some seconds after the run was submitted."""
    event = {"event": kind, "step": step, "key": key, "at": at(seconds), "sequence": 1}
    return event if took is None else {**event, "seconds": took, "error": None}


def read(*records: dict[str, Any], events: tuple[dict[str, Any], ...] = ()) -> Timeline:
    """Let a timeline hear events, and read records, which get their positions here."""
    made = Timeline()
    for event in events:
        made.hear(event)
    made.read([{**record, "position": place} for place, record in enumerate(records, 1)])
    return made
