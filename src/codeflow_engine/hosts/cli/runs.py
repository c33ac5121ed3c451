"""`codeflow runs`: what was reviewed, what is under way, and what came of it."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeflow_engine.domain.run import RunStatus
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.following import follow_runs
from codeflow_engine.hosts.cli.history import Database, SettingsFile, history_engine
from codeflow_engine.hosts.cli.lookup import INTERRUPTED, SHORT, gone, standing, summary
from codeflow_engine.hosts.cli.moments import shown
from codeflow_engine.hosts.cli.table import table
from codeflow_engine.hosts.cli.terminal import style_of, write_out
from codeflow_engine.reports.visible import escape_json

if TYPE_CHECKING:
    from codeflow_engine.sync import Engine

__all__ = ["runs"]

_STANDINGS = (*RunStatus, INTERRUPTED)
"""What the column STATUS may hold."""


class _Form(StrEnum):
    TEXT = "text"
    JSON = "json"


def _known(name: str) -> str:
    if name not in _STANDINGS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(_STANDINGS)}")
    return name


_Status = Annotated[
    str | None,
    typer.Option(metavar="STATUS", parser=_known, help=f"Only such runs: {', '.join(_STANDINGS)}."),
]
_Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on to tell each change of status, until Ctrl-C.")
]


def runs(
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest ones.")] = 20,
    status: _Status = None,
    follow: _Follow = False,
    form: Annotated[_Form, typer.Option("--format", help="The form of the answer.")] = _Form.TEXT,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """List the newest runs, or follow how they go.

    A run is interrupted whose process is gone; a worker takes it up, or codeflow resume. With
    --follow those that changed last stand at the bottom, and each change of status follows
    until Ctrl-C; as JSON that is one object a line.

    Exit status: 0, also where there are none.
    """
    with history_engine(db, settings) as engine:
        if follow:
            return follow_runs(engine, limit=limit, wanted=status, as_json=form is _Form.JSON)
        told = _newest(engine, limit, status)
    if form is _Form.JSON:
        write_out(escape_json(json.dumps({"runs": told}, indent=2)) + "\n")
    elif not told:
        write_out("no runs yet\n" if status is None else f"no runs are {status}\n")
    else:
        style = style_of(sys.stdout, os.environ, width=None)
        head = ("RUN", "WHEN (UTC)", "STATUS", "OUTCOME", "FINDINGS", "CHANGE")
        write_out(table([head, *map(_row, told)], style))
    return Exit.OK


def _newest(engine: Engine, limit: int, wanted: str | None) -> list[dict[str, Any]]:
    """Tell of the newest runs that stand as somebody wants."""
    lost = gone(engine)
    if wanted == INTERRUPTED:
        runs = sorted(lost.values(), key=lambda run: (run.record.created_at, run.id))
        return [summary(run.record, interrupted=True) for run in runs[: -limit - 1 : -1]]
    found = engine.runs(limit=limit, status=None if wanted is None else RunStatus(wanted))
    told = [summary(run.record, interrupted=run.id in lost) for run in found]
    return [one for one in told if wanted in {None, standing(one)}]


def _row(told: dict[str, Any]) -> tuple[str, ...]:
    findings = "" if told["findings"] is None else str(told["findings"])
    when = shown(datetime.fromisoformat(told["created_at"]))
    what = told["change"] or told["error"] or told["workflow"]
    return (
        *(told["run_id"][:SHORT], when, standing(told)),
        *(told["outcome"] or "", findings, what),
    )
