"""`codeflow review`: review a change and report what was found."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeflow_engine.domain.change import Scope
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.hosts.cli.destination import Destination
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.formats import ReportFormat
from codeflow_engine.hosts.cli.history import Database, SettingsFile, history_engine
from codeflow_engine.hosts.cli.terminal import say, style_of, write_out
from codeflow_engine.reports.style import Style

if TYPE_CHECKING:
    from codeflow_engine.domain.change import Change
    from codeflow_engine.domain.review import Review
    from codeflow_engine.sync import Engine

__all__ = ["Gate", "review"]


class Gate(StrEnum):
    """The least severity that counts as a failure."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"
    NEVER = "never"


_Path = Annotated[
    Path | None,
    typer.Argument(
        metavar="PATH", help="A directory of a git repository, or a patch. [default: .]"
    ),
]
_Base = Annotated[
    str | None, typer.Option(metavar="REV", help="Compare with the merge base of this revision.")
]
_Head = Annotated[
    str | None, typer.Option(metavar="REV", help="Review this revision, or :worktree, or :index.")
]
_Staged = Annotated[bool, typer.Option("--staged", help="The same as --head :index.")]
_Patch = Annotated[
    str | None, typer.Option(metavar="FILE", help="Review a patch instead; - is standard input.")
]
_Names = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Ask this analyzer; may be repeated. [default: all]"),
]
_Output = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the report to a file, whole or not at all."),
]
_Gate = Annotated[
    Gate, typer.Option(help="Exit with 1 for new or open findings as bad as this, or worse.")
]
_Scope = Annotated[
    Scope | None,
    typer.Option(
        help="Hear analyzers on changed lines, or anywhere in the changed files. [default: changed]"
    ),
]
_Import = Annotated[
    list[Path] | None,
    typer.Option(
        "--import",
        metavar="FILE",
        help="Fuse the findings of a SARIF or reviewdog report; may be repeated.",
    ),
]


def review(
    path: _Path = None,
    *,
    base: _Base = None,
    head: _Head = None,
    staged: _Staged = False,
    diff: _Patch = None,
    analyzer: _Names = None,
    form: ReportFormat = "text",
    output: _Output = None,
    fail_on: _Gate = Gate.HIGH,
    scope: _Scope = None,
    imported: _Import = None,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Review a change and report what was found.

    Without --base and --head: the working tree, untracked files included, against HEAD.
    With --base alone: HEAD against their merge base. With --head alone: that commit against
    its first parent. With both: the head against their merge base.

    Exit status: 0 complete and below --fail-on; 1 complete with such findings; 2 wrong usage
    or configuration; 3 not complete, whatever was found.
    """
    if staged and head is not None:
        raise ConfigurationError("--staged and --head exclude each other")
    head = ":index" if staged else head
    destination = None if output is None else Destination(output)
    if destination is not None:
        destination.check()
    change = _read_change(path, diff, ranged=base is not None or head is not None)
    asked = {
        "change": change,
        "base": base,
        "head": head,
        "analyzers": analyzer or None,
        "scope": scope,
    }
    reports = [str(report.absolute()) for report in imported or ()]
    extra = {"imported": {"reports": reports}} if reports else None
    with history_engine(db, settings, grows=True, backend_settings=extra) as engine:
        for failure in engine.plugins.failures:
            # Nobody asked what it offers, which no ledger can know of.
            say(f"warning: a plugin is not in use: {failure.error.message}")
        result = _review(engine, asked)
    _report(result, form, destination)
    return _status(result, fail_on)


def _read_change(path: Path | None, diff: str | None, *, ranged: bool) -> Path | Change:
    """Give the repository's directory, or the patch, that the words mean."""
    if diff is not None:
        if path is not None or ranged:
            raise ConfigurationError(
                "--diff stands alone, without PATH, --base, --head or --staged"
            )
        return _read_patch(diff)
    return path or Path()


def _read_patch(name: str) -> Change:
    from codeflow_engine.workflows.review_input import open_patch, read_patch

    if name != "-":
        with open_patch(Path(name)) as file:
            return read_patch(file, Path(name).name)
    return read_patch(sys.stdin.buffer if sys.stdin else BytesIO(), "standard input")


def _review(engine: Engine, asked: dict[str, Any]) -> Review:
    from codeflow_engine.hosts.cli.progress import progress

    with progress(os.environ) as show:
        run = engine.submit("review", asked)
        for event in run.events():
            show(event)
        result: Review = run.result()
        return result


def _report(result: Review, form: str, destination: Destination | None) -> None:
    from codeflow_engine.reports import formats
    from codeflow_engine.reports.summary import coverage_line, headline

    plain = result.to_json()
    style = Style() if destination is not None else style_of(sys.stdout, os.environ)
    report = formats.render(plain, form, style=style)
    if destination is None:
        write_out(report)
        return
    destination.write(report)
    say(f"wrote {destination}\n{headline(plain)}\n{coverage_line(plain)}")


def _status(result: Review, gate: Gate) -> Exit:
    if result.outcome != "reviewed":
        return Exit.INCOMPLETE
    worst = result.worst()
    if gate is Gate.NEVER or worst is None:
        return Exit.OK
    from codeflow_engine.domain.finding import Severity

    return Exit.FINDINGS if worst.at_least(Severity(gate.value)) else Exit.OK
