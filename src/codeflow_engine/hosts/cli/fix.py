"""`codeflow fix`: make a patch of what a stored review has found, and write it when told."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeflow_engine.domain.budget import Budget
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.history import Database, SettingsFile, history_engine
from codeflow_engine.hosts.cli.lookup import find_run
from codeflow_engine.hosts.cli.models import Models
from codeflow_engine.hosts.cli.outcome import Output, destination_of
from codeflow_engine.hosts.cli.terminal import is_terminal, say, write_out
from codeflow_engine.reports import patch as report
from codeflow_engine.reports.prose import count
from codeflow_engine.reports.visible import escape_path

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import Finding
    from codeflow_engine.domain.patch import Patch
    from codeflow_engine.domain.review import Review
    from codeflow_engine.hosts.cli.destination import Destination
    from codeflow_engine.sync import Engine, Run

__all__ = ["fix"]

_SEARCHED = 10_000
"""Newest runs among which a review of the repository is looked for."""

_Path = Annotated[
    Path | None,
    typer.Argument(metavar="PATH", help="A directory of a git repository. [default: .]"),
]
_Findings = Annotated[
    list[str] | None,
    typer.Option(
        "--finding",
        metavar="FINGERPRINT",
        help="Mend this one, by its fingerprint or the beginning of it; may be repeated. "
        "[default: all that are new or open]",
    ),
]
_Run = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="RUN",
        help="Id of the review, or its beginning. [default: the newest one of the repository]",
    ),
]
_Base = Annotated[
    str | None, typer.Option(metavar="REV", help="As for review. [default: as it was reviewed]")
]
_Head = Annotated[
    str | None, typer.Option(metavar="REV", help="As for review. [default: as it was reviewed]")
]
_Apply = Annotated[
    bool, typer.Option("--apply", help="Write the patch to the files of the working tree, too.")
]
_Money = Annotated[
    str | None,
    typer.Option(metavar="USD", help="Spend at most so many US dollars on models."),
]


def fix(
    path: _Path = None,
    *,
    finding: _Findings = None,
    run: _Run = None,
    base: _Base = None,
    head: _Head = None,
    llm: Models = None,
    budget: _Money = None,
    apply: _Apply = False,
    output: Output = None,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Make a patch that mends what a stored review has found.

    Nothing is reviewed, and nothing is written without --apply. The patch goes to standard
    output as `git apply` takes it; on a terminal, what is hidden in it is escaped.

    Exit status: 0 all are mended; 2 wrong usage or configuration, or no review; 3 some are
    left, which standard error tells with the reasons, or the patch cannot be applied.
    """
    destination = destination_of(output)
    spent = None if budget is None else Budget(usd=budget)
    with history_engine(db, settings, executes="own", grows=True, llm=llm or None) as engine:
        reviewed = _reviewed(engine, path, run)
        asked = _place(reviewed, path, base, head)
        found = _wanted(reviewed.result(), finding)
        patch = engine.fix(found, **asked, budget=spent)
    _write(patch, destination)
    if apply:
        patch.apply(patch.target)
        say(f"wrote {count(len(patch.files), 'file')} below {escape_path(patch.target)}")
    return Exit.INCOMPLETE if patch.left else Exit.OK


def _reviewed(engine: Engine, path: Path | None, named: str | None) -> Run:
    """Find the review that is meant."""
    if named is not None:
        run = find_run(engine, named)
        if run.record.workflow != "review" or run.status is not RunStatus.SUCCEEDED:
            raise ConfigurationError(f"the run {run.id!r} is no review that has ended well")
        return run
    root = _root(path or Path())
    for run in engine.runs(status=RunStatus.SUCCEEDED, limit=_SEARCHED):
        told = run.record.input
        is_review = run.record.workflow == "review" and "head" in told
        if is_review and _root(Path(str(told["change"]))) == root:
            return run
    raise ConfigurationError(
        f"the history holds no review of {str(root)!r}: ask codeflow review for one, or name its "
        f"run by --run"
    )


def _root(path: Path) -> Path:
    """Find the root of the working tree that a directory belongs to."""
    start = Path(os.path.realpath(path))
    return next((one for one in (start, *start.parents) if (one / ".git").exists()), start)


def _place(run: Run, path: Path | None, base: str | None, head: str | None) -> dict[str, Any]:
    """Say which change it is: the one that was reviewed, where nothing else is told."""
    told = run.record.input
    if path is None and "head" not in told:
        raise ConfigurationError(
            "the review is of a patch, and has no files: give the repository as PATH"
        )
    if base is None and head is None:
        base, head = told.get("base"), told.get("head")
    return {"change": path or str(told["change"]), "base": base, "head": head}


def _wanted(review: Review, named: Sequence[str] | None) -> Review | list[Finding]:
    """Choose the findings that are meant."""
    if not named:
        return review
    chosen: list[Finding] = []
    for name in named:
        found = [one for one in review.findings if one.fingerprint.startswith(name)]
        if len(found) != 1:
            raise ConfigurationError(
                f"{count(len(found), 'finding')} of the review {review.run_id[:16]!r} begin with "
                f"{name!r}; name one"
            )
        chosen += found
    return chosen


def _write(patch: Patch, destination: Destination | None) -> None:
    """Write the patch where it is to go, and what is left to standard error."""
    plain = patch.to_json()
    if destination is not None:
        destination.write(patch.diff)
    elif is_terminal(sys.stdout):
        write_out(report.shown(patch.diff, sys.stdout.encoding))
    else:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Another encoding would make another patch.
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")
        write_out(patch.diff)
    say(f"{count(len(patch.fixed), 'finding')} mended, {len(patch.left)} left")
    for line in report.left_lines(plain):
        say(line)
