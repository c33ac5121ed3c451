"""`codeflow describe` and `codeflow ask`: what models say of a change without judging it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeflow_engine.domain.budget import Budget
from codeflow_engine.hosts.cli.change import (
    ChangeArgument,
    Host,
    host_of,
    read_change,
    read_settings,
)
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.history import Database, SettingsFile, history_engine
from codeflow_engine.hosts.cli.models import Models
from codeflow_engine.hosts.cli.outcome import Output, destination_of
from codeflow_engine.hosts.cli.terminal import say, style_of, write_out
from codeflow_engine.reports import telling
from codeflow_engine.reports.style import Style

if TYPE_CHECKING:
    from codeflow_engine.domain.reading import Answer, Description
    from codeflow_engine.hosts.cli.destination import Destination

__all__ = ["ask", "describe"]


def _known(name: str) -> str:
    if name not in telling.FORMATS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(telling.FORMATS)}")
    return name


_Question = Annotated[str, typer.Argument(metavar="QUESTION", help="What to ask, in quotes.")]
_Base = Annotated[
    str | None, typer.Option(metavar="REV", help="Compare with the merge base of this revision.")
]
_Head = Annotated[
    str | None, typer.Option(metavar="REV", help="Read this revision, or :worktree, or :index.")
]
_Format = Annotated[
    str,
    typer.Option(
        "--format", metavar="|".join(telling.FORMATS), parser=_known, help="The form of the report."
    ),
]
_Money = Annotated[
    str | None,
    typer.Option(
        metavar="USD",
        help="Spend at most so many US dollars on models; what that does not reach is not read.",
    ),
]


def describe(
    change: ChangeArgument = None,
    *,
    base: _Base = None,
    head: _Head = None,
    llm: Models = None,
    budget: _Money = None,
    vcs: Host = None,
    form: _Format = "text",
    output: Output = None,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Describe a change: title, summary, labels, and a walk through its files.

    The change is chosen as by codeflow review.

    Exit status: 0 complete; 2 wrong usage or configuration; 3 where something was not read that
    models may read, or nothing was.
    """
    known = read_settings(settings)
    host = host_of(change, vcs, known)
    asked: dict[str, Any] = {"base": base, "head": head, "budget": _budget(budget)}
    asked |= {"change": read_change(change, known, os.environ)}
    return _read("describe", asked, (llm, host, form, output), (db, settings))


def ask(
    question: _Question,
    change: ChangeArgument = None,
    *,
    base: _Base = None,
    head: _Head = None,
    llm: Models = None,
    budget: _Money = None,
    vcs: Host = None,
    form: _Format = "text",
    output: Output = None,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Answer a question about a change, with the lines that the answer rests on.

    The change is chosen as by codeflow review.

    Exit status: 0 complete; 2 wrong usage or configuration; 3 where something was not read that
    models may read, or nothing was.
    """
    known = read_settings(settings)
    host = host_of(change, vcs, known)
    asked: dict[str, Any] = {"base": base, "head": head, "budget": _budget(budget)}
    asked |= {"change": read_change(change, known, os.environ)}
    return _read("ask", {**asked, "question": question}, (llm, host, form, output), (db, settings))


def _budget(usd: str | None) -> Budget | None:
    return None if usd is None else Budget(usd=usd)


def _read(
    workflow: str,
    asked: dict[str, Any],
    how: tuple[list[str] | None, str | None, str, Path | None],
    place: tuple[str | None, Path | None],
) -> int:
    """Have a change read, and report what was said of it."""
    from codeflow_engine.hosts.cli.progress import watch

    llm, host, form, output = how
    destination = destination_of(output)
    options: dict[str, Any] = {"llm": llm or None, "vcs": host}
    with history_engine(*place, executes="own", grows=True, makes=True, **options) as engine:
        run = engine.submit(workflow, asked)
        watch(run, os.environ)
        told: Description | Answer = run.result()
    _report(told, form, destination)
    return Exit.OK if told.is_complete else Exit.INCOMPLETE


def _report(told: Description | Answer, form: str, destination: Destination | None) -> None:
    style = Style() if destination is not None else style_of(sys.stdout, os.environ)
    text = telling.render(told.to_json(), form, style=style)
    if destination is None:
        write_out(text)
        return
    destination.write(text)
    say(f"wrote {destination}\n{telling.reading_line(told.to_json())}")
