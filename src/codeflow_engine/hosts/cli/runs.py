"""`codeflow runs` and `codeflow show`: what was reviewed, and what came of it."""

from __future__ import annotations

import json
import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.formats import ReportFormat
from codeflow_engine.hosts.cli.history import Database, SettingsFile, history_engine
from codeflow_engine.hosts.cli.moments import shown
from codeflow_engine.hosts.cli.table import table
from codeflow_engine.hosts.cli.terminal import style_of, write_out
from codeflow_engine.reports.visible import escape_json

if TYPE_CHECKING:
    from codeflow_engine.domain.review import Review
    from codeflow_engine.sync import Engine, Run

__all__ = ["Form", "runs", "show"]

_SHORT = 16
"""Characters of a run's id that tell it from others: twelve of them are its moment."""

_SEARCHED = 10_000
"""Newest runs among which the beginning of an id is looked for."""

_LEAST = 4


class Form(StrEnum):
    """The forms of what these commands tell."""

    TEXT = "text"
    JSON = "json"


_Format = Annotated[Form, typer.Option("--format", help="The form of the answer.")]


def runs(
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    form: _Format = Form.TEXT,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """List the newest runs of the history.

    Exit status: 0, also where there are none.
    """
    with history_engine(db, settings) as engine:
        found = engine.runs(limit=limit)
        told = [_summary(run) for run in found]
    if form is Form.JSON:
        return _write_json({"runs": told})
    if not told:
        write_out("no runs yet\n")
        return Exit.OK
    style = style_of(sys.stdout, os.environ, width=None)
    head = ("RUN", "WHEN (UTC)", "STATUS", "OUTCOME", "FINDINGS", "CHANGE")
    write_out(table([head, *(_row(run, one) for run, one in zip(found, told, strict=True))], style))
    return Exit.OK


def show(
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="Id of a run, or its beginning. [default: the newest]"),
    ] = None,
    *,
    form: ReportFormat = "text",
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Show a run of the history with its review.

    Text and JSON tell of the run, too; any other format is the report of its review alone.

    Exit status: 0 where there is such a run, whatever came of it; 2 where there is none.
    """
    with history_engine(db, settings) as engine:
        found = _find(engine, run)
        review = _review(found)
        steps = [] if review else _told(found)
    if form == "json":
        plain = None if review is None else review.to_json()
        return _write_json({"run": _summary(found), "review": plain})
    if form != "text":
        return _write_report(found, review, form)
    style = style_of(sys.stdout, os.environ)
    record = found.record
    rows = [("run", found.id), ("when", f"{shown(record.created_at)} UTC")]
    rows += [("workflow", record.workflow), ("status", record.status)]
    rows += [("error", record.error)] if record.error else []
    body = _report(review, "text") if review else table(steps, style) if steps else ""
    write_out("\n".join(part for part in (table(rows, style), body) if part))
    return Exit.OK


def _write_json(plain: dict[str, Any]) -> Exit:
    write_out(escape_json(json.dumps(plain, indent=2)) + "\n")
    return Exit.OK


def _review(run: Run) -> Review | None:
    """Give the review of a run that has one."""
    if run.status is not RunStatus.SUCCEEDED or run.record.workflow != "review":
        return None
    result: Review = run.result()
    return result


def _write_report(run: Run, review: Review | None, form: str) -> Exit:
    if review is None:
        raise ConfigurationError(f"the run {run.id!r} has no review that could be shown as {form}")
    write_out(_report(review, form))
    return Exit.OK


def _report(review: Review, form: str) -> str:
    from codeflow_engine.reports import formats

    return formats.render(review.to_json(), form, style=style_of(sys.stdout, os.environ))


def _find(engine: Engine, run: str | None) -> Run:
    if run is None:
        newest = engine.runs(limit=1)
        if not newest:
            raise ConfigurationError("the history holds no runs yet")
        return newest[0]
    if len(run) < _LEAST:
        raise ConfigurationError(f"{run!r} is too short; give {_LEAST} characters or more")
    found = [one for one in engine.runs(limit=_SEARCHED) if one.id.startswith(run)]
    if not found:
        raise ConfigurationError(f"the history holds no run whose id begins with {run!r}")
    if len(found) > 1 and run not in {one.id for one in found}:
        raise ConfigurationError(f"{len(found)} runs begin with {run!r}; give more of the id")
    return next((one for one in found if one.id == run), found[0])


def _told(run: Run) -> list[tuple[str, str]]:
    """Tell the steps of a run that has no review."""
    from codeflow_engine.domain.run import StepFinished

    return [
        (event.step if event.key is None else f"{event.step} {event.key}", event.error or "done")
        for event in run.events()
        if isinstance(event, StepFinished)
    ]


def _summary(run: Run) -> dict[str, Any]:
    record = run.record
    came = record.summary or {}
    return {
        "run_id": run.id,
        "workflow": record.workflow,
        "status": record.status.value,
        "created_at": record.created_at.isoformat(),
        "updated_at": record.updated_at.isoformat(),
        "error": record.error,
        "outcome": came.get("outcome"),
        "findings": came.get("findings"),
        "change": str(came.get("title") or record.input.get("change", "")),
    }


def _row(run: Run, told: dict[str, Any]) -> tuple[str, ...]:
    findings = "" if told["findings"] is None else str(told["findings"])
    when = shown(run.record.created_at)
    outcome = told["outcome"] or ""
    what = told["change"] or told["error"] or ""
    return (run.id[:_SHORT], when, told["status"], outcome, findings, what)
