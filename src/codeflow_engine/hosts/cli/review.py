"""`codeflow review`: review a change and report what was found."""

from __future__ import annotations

import json
import os
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeflow_engine.domain.budget import Budget
from codeflow_engine.domain.change import Scope
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.hosts.cli.change import (
    ChangeArgument,
    Host,
    host_of,
    read_change,
    read_settings,
)
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.formats import ReportFormat
from codeflow_engine.hosts.cli.history import Database, SettingsFile, history_engine
from codeflow_engine.hosts.cli.models import Models
from codeflow_engine.hosts.cli.models import dry_run as rows
from codeflow_engine.hosts.cli.outcome import (
    FailOn,
    Gate,
    Output,
    destination_of,
    exit_status,
    report,
)
from codeflow_engine.hosts.cli.publishing import publish_review, see_host
from codeflow_engine.hosts.cli.table import table
from codeflow_engine.hosts.cli.terminal import say, style_of, write_out
from codeflow_engine.reports.style import Style

if TYPE_CHECKING:
    from codeflow_engine.domain.change import Change
    from codeflow_engine.domain.preview import ChangePreview
    from codeflow_engine.domain.review import Review
    from codeflow_engine.hosts.cli.destination import Destination
    from codeflow_engine.settings import Settings
    from codeflow_engine.sync import Engine

__all__ = ["review"]


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
_Scope = Annotated[
    Scope | None,
    typer.Option(
        help="Hear analyzers on changed lines, or anywhere in the changed files. [default: changed]"
    ),
]
_Imported = Annotated[
    list[Path] | None,
    typer.Option(
        "--import",
        metavar="FILE",
        help="Fuse the findings of a SARIF or reviewdog report; may be repeated.",
    ),
]


_Money = Annotated[
    str | None,
    typer.Option(
        metavar="USD",
        help="Spend at most so many US dollars on models; what that does not reach is not covered.",
    ),
]
_DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Review nothing: tell which file would be sent to which model, and the cost; "
        "with --format json also the text. With --publish: review it, tell what would be "
        "written to the pull request, and write nothing.",
    ),
]
_Publish = Annotated[
    bool,
    typer.Option(
        "--publish",
        help="Write the review to its pull request; standard error tells the plan before, and "
        "what was written after.",
    ),
]
_Record = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Write what was asked and answered to a file, without secrets."
    ),
]
_Replay = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Answer everything from a file that was recorded; keep no history."
    ),
]


def review(
    change: ChangeArgument = None,
    *,
    base: _Base = None,
    head: _Head = None,
    staged: _Staged = False,
    diff: _Patch = None,
    analyzer: _Names = None,
    form: ReportFormat = "text",
    output: Output = None,
    fail_on: FailOn = Gate.HIGH,
    scope: _Scope = None,
    imported: _Imported = None,
    llm: Models = None,
    budget: _Money = None,
    vcs: Host = None,
    publish: _Publish = False,
    dry_run: _DryRun = False,
    record: _Record = None,
    replay: _Replay = None,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Review a change and report what was found.

    Without --base and --head: the working tree, untracked files included, against HEAD.
    With --base alone: HEAD against their merge base. With --head alone: that commit against
    its first parent. With both: the head against their merge base.

    Exit status: 0 complete and below --fail-on; 1 complete with such findings; 2 wrong usage
    or configuration; 3 not complete, whatever was found, or not published.
    """
    if staged and head is not None:
        raise ConfigurationError("--staged and --head exclude each other")
    head = ":index" if staged else head
    known = read_settings(settings)
    host = host_of(change, vcs, known)
    if publish:
        see_host(host or known.vcs, is_patch=diff is not None, replays=replay is not None)
    destination = destination_of(output)
    asked: dict[str, Any] = {
        "change": _read_change(change, diff, known, ranged=base is not None or head is not None),
        "base": base,
        "head": head,
        "analyzers": analyzer or None,
        "scope": scope,
        "reports": imported,
    }
    options: dict[str, Any] = {"llm": llm or None, "vcs": host}
    if dry_run and not publish:
        if form not in {"text", "json"}:
            raise ConfigurationError(f"a dry run is told as text or json, not as {form}")
        if record or replay:
            raise ConfigurationError("a dry run is neither recorded nor replayed")
        return _tell(_preview(asked, db, settings, options), form, destination)
    asked |= {"budget": None if budget is None else Budget(usd=budget)}
    options |= {"record": record, "replay": replay}
    db = "memory" if replay and db is None else db
    with history_engine(db, settings, executes="own", grows=True, makes=True, **options) as engine:
        for failure in engine.plugins.failures:
            # Nobody asked what it offers, which no ledger can know of.
            say(f"warning: a plugin is not in use: {failure.error.message}")
        result = _review(engine, asked)
        report(result, form, destination)
        published = Exit.OK
        if publish:
            published = publish_review(engine, result, settings=known, dry_run=dry_run)
    return published or exit_status(result, fail_on)


def _preview(
    asked: dict[str, Any], db: str | None, settings: Path | None, options: dict[str, Any]
) -> ChangePreview:
    place = {name: asked[name] for name in ("change", "base", "head")}
    with history_engine(db, settings, executes="own", makes=True, **options) as engine:
        return engine.preview(**place)


def _tell(preview: ChangePreview, form: str, destination: Destination | None) -> int:
    """Write a dry run as a table, or as JSON with the text that would be sent."""
    if form == "json":
        text = json.dumps(preview.to_json(), indent=2) + "\n"
    else:
        style = Style(width=None) if destination else style_of(sys.stdout, os.environ, width=None)
        text = table([*rows(preview)], style)
    if destination is None:
        write_out(text)
    else:
        destination.write(text)
    return Exit.OK


def _read_change(
    change: str | None, diff: str | None, settings: Settings, *, ranged: bool
) -> str | Path | Change:
    """Give the repository's directory, the patch or the pull request that the words mean."""
    if diff is not None:
        if change is not None or ranged:
            raise ConfigurationError(
                "--diff stands alone, without CHANGE, --base, --head or --staged"
            )
        return _read_patch(diff)
    return read_change(change, settings, os.environ)


def _read_patch(name: str) -> Change:
    from codeflow_engine.workflows.review_input import open_patch, read_patch

    if name != "-":
        with open_patch(Path(name)) as file:
            return read_patch(file, Path(name).name)
    return read_patch(sys.stdin.buffer if sys.stdin else BytesIO(), "standard input")


def _review(engine: Engine, asked: dict[str, Any]) -> Review:
    from codeflow_engine.hosts.cli.progress import watch

    run = engine.submit("review", asked)
    watch(run, os.environ)
    result: Review = run.result()
    return result
