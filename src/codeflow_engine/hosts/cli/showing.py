"""`codeflow show`: a run, its review, and the timeline of its steps."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.formats import ReportFormat
from codeflow_engine.hosts.cli.history import Database, SettingsFile, history_engine
from codeflow_engine.hosts.cli.lookup import find_run, gone, shortened, standing, summary
from codeflow_engine.hosts.cli.moments import shown
from codeflow_engine.hosts.cli.table import table
from codeflow_engine.hosts.cli.terminal import style_of, write_out
from codeflow_engine.reports.visible import escape_json

if TYPE_CHECKING:
    from codeflow_engine.domain.review import Review
    from codeflow_engine.reports.timeline import Timeline
    from codeflow_engine.sync import Engine, Run

__all__ = ["show", "write_run"]

_Run = Annotated[
    str | None,
    typer.Argument(metavar="RUN", help="Id of a run, or its beginning. [default: the newest]"),
]
_Timeline = Annotated[
    bool, typer.Option("--timeline", help="Show its steps, also where there is a review.")
]


def show(
    run: _Run = None,
    *,
    form: ReportFormat = "text",
    timeline: _Timeline = False,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Show a run: its review, or its steps.

    Without a review, or with --timeline, text and HTML show the steps: when each began, what
    it took, how often it was tried, what it waited for, and what the run has cost. Text and
    JSON tell of the run, too; any other format is the report of its review alone.

    Exit status: 0 where there is such a run, whatever came of it; 2 where there is none.
    """
    with history_engine(db, settings) as engine:
        write_run(engine, find_run(engine, run), form, timeline=timeline)
    return Exit.OK


def write_run(engine: Engine, run: Run, form: str, *, timeline: bool = False) -> None:
    """Write how a run stands, and what came of it, to standard output.

    Raises:
        ConfigurationError: It has nothing that could be shown in that form.
    """
    told = summary(run.record, interrupted=run.id in gone(engine))
    review = _review(run)
    if form == "json":
        steps = [_plain(step.to_json()) for step in run.steps()]
        plain = {"run": told, "review": review and review.to_json(), "steps": steps}
        write_out(escape_json(json.dumps(plain, indent=2)) + "\n")
        return
    style = style_of(sys.stdout, os.environ)
    if review is not None and not timeline:
        from codeflow_engine.reports import formats

        body = formats.render(review.to_json(), form, style=style)
    else:
        body = _steps(run, form)
    if form != "text":
        write_out(body)
        return
    rows = [("run", run.id), ("when", f"{shown(run.record.created_at)} UTC")]
    rows += [("key", told["key"])] if told["key"] is not None else []
    rows += [("workflow", f"{told['workflow']}, version {told['version']}")]
    rows += [("status", standing(told))]
    if told["change"]:
        rows.append(("change", told["change"]))
    elif told["input"]:
        rows.append(("input", shortened(json.dumps(told["input"], ensure_ascii=False))))
    rows += [("error", told["error"])] if told["error"] else []
    write_out(f"{table(rows, style)}\n{body}")


def _steps(run: Run, form: str) -> str:
    """Render the timeline of a run."""
    from codeflow_engine.reports import steps
    from codeflow_engine.reports.html import run as page

    style = style_of(sys.stdout, os.environ)
    record = run.record.to_json()
    if form == "text":
        return steps.render(record, _timeline(run), style)
    if form == "html":
        return page.render(record, _timeline(run), encoding=style.encoding)
    raise ConfigurationError(
        f"the run {run.id!r} has no review that could be shown as {form}; text and html show "
        f"its steps"
    )


def _timeline(run: Run) -> Timeline:
    from codeflow_engine.reports.timeline import Timeline

    timeline = Timeline()
    for event in run.events(wait=False):
        timeline.hear(event.to_json())
    timeline.read(step.to_json() for step in run.steps())
    return timeline


def _plain(step: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in step.items() if name != "run_id"}


def _review(run: Run) -> Review | None:
    """Give the review of a run that has one."""
    if run.status is not RunStatus.SUCCEEDED or run.record.workflow != "review":
        return None
    result: Review = run.result()
    return result
