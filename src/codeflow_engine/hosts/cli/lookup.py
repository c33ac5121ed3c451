"""Which run is meant, and how one is told of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.errors import ConfigurationError, RunNotFoundError
from codeflow_engine.hosts.cli.moments import awaited

if TYPE_CHECKING:
    from codeflow_engine.sync import Engine, Run

__all__ = [
    "INTERRUPTED",
    "SHORT",
    "RunId",
    "find_run",
    "gone",
    "shortened",
    "standing",
    "summary",
    "waits",
]

INTERRUPTED = "interrupted"
"""What is shown of a run that counts as running, and whose worker is gone."""

SHORT = 16
"""Characters of a run's id that tell it from others: twelve of them are its moment."""

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, or its beginning.")]

_WHOLE = 32
_SEARCHED = 10_000
"""Newest runs among which the beginning of an id is looked for."""

_LEAST = 4
_LONG = 200
"""Characters of a text in the input of a run that are shown."""

_MANY = 20
"""Values in one place of it that are shown."""


def find_run(engine: Engine, run: str | None) -> Run:
    """Find the run that somebody means; None is the newest one.

    Raises:
        ConfigurationError: There is none, or there are several.
    """
    if run is None:
        newest = engine.runs(limit=1)
        if not newest:
            raise ConfigurationError("the history holds no runs yet")
        return newest[0]
    if len(run) < _LEAST:
        raise ConfigurationError(f"{run!r} is too short; give {_LEAST} characters or more")
    if len(run) >= _WHOLE:
        try:
            return engine.run(run)
        except RunNotFoundError:
            raise ConfigurationError(f"the history holds no run {run!r}") from None
    found = [one for one in engine.runs(limit=_SEARCHED) if one.id.startswith(run)]
    if not found:
        raise ConfigurationError(f"the history holds no run whose id begins with {run!r}")
    if len(found) > 1 and run not in {one.id for one in found}:
        raise ConfigurationError(f"{len(found)} runs begin with {run!r}; give more of the id")
    return next((one for one in found if one.id == run), found[0])


def gone(engine: Engine) -> dict[str, Run]:
    """Find the runs whose worker is gone, by their ids."""
    return {run.id: run for run in engine.interrupted(limit=_SEARCHED)}


def standing(told: dict[str, Any]) -> str:
    """Say in one word how a run stands, of which `summary` has told."""
    return INTERRUPTED if told["interrupted"] else str(told["status"])


def waits(told: dict[str, Any]) -> str:
    """Say what a run waits for, of which `summary` has told."""
    if told["status"] not in {RunStatus.WAITING, RunStatus.PARKED, RunStatus.PENDING}:
        return ""
    when = told["wake_at"] and datetime.fromisoformat(told["wake_at"])
    return awaited(told["waits_for"], when if when and when > datetime.now(UTC) else None)


def shortened(value: Any) -> Any:
    """Give plain JSON data without what is long in it."""
    if isinstance(value, str):
        return value if len(value) <= _LONG else f"{value[:_LONG]}..."
    if isinstance(value, Mapping):
        return {name: shortened(one) for name, one in list(value.items())[:_MANY]}
    if isinstance(value, list | tuple):
        return [shortened(one) for one in value[:_MANY]]
    return value


def summary(record: RunRecord, *, interrupted: bool) -> dict[str, Any]:
    """Tell of a run in plain JSON data."""
    came = record.summary or {}
    return {
        "run_id": record.run_id,
        "key": record.key,
        "workflow": record.workflow,
        "version": record.version,
        "input": shortened(record.input),
        "status": record.status.value,
        "interrupted": interrupted,
        "created_at": record.created_at.isoformat(),
        "updated_at": record.updated_at.isoformat(),
        "waits_for": list(record.waits_for),
        "wake_at": record.wake_at.isoformat() if record.wake_at else None,
        "recoveries": record.recoveries,
        "error": record.error,
        "outcome": came.get("outcome"),
        "findings": came.get("findings"),
        "change": str(came.get("title") or record.input.get("change", "")),
    }
