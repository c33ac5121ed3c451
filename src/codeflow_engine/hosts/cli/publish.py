"""`codeflow publish`: write a review that was made elsewhere to its pull request."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeflow_engine.domain.coverage import Outcome
from codeflow_engine.domain.effect import EffectKind
from codeflow_engine.errors import ConfigurationError, SerializationError
from codeflow_engine.hosts.cli.change import LOCAL, Host, host_of, read_change
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.history import Database, SettingsFile, history_engine
from codeflow_engine.hosts.cli.publishing import apply_plan
from codeflow_engine.hosts.cli.terminal import write_out
from codeflow_engine.settings import load_settings

if TYPE_CHECKING:
    from codeflow_engine.domain.effect import Plan
    from codeflow_engine.domain.review import Review

__all__ = ["publish"]

_File = Annotated[
    Path, typer.Argument(metavar="REVIEW", help="What codeflow review --format json has written.")
]
_Change = Annotated[
    str,
    typer.Option(metavar="CHANGE", help="The pull request: owner/repo#42, or its address."),
]
_Head = Annotated[
    str, typer.Option(metavar="SHA", help="Full id of the commit that has to have been reviewed.")
]
_Check = Annotated[
    bool,
    typer.Option(
        "--check",
        help="Write the check, too, which can let a change pass: only where you trust whoever "
        "made the file.",
    ),
]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Tell what would be written, and write nothing.")
]


def publish(
    review: _File,
    *,
    change: _Change,
    head: _Head,
    check: _Check = False,
    dry_run: _DryRun = False,
    vcs: Host = None,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Write a review that was made elsewhere to its pull request.

    The file may come from whoever opened the pull request. It is refused where it is not a
    review of exactly that commit; where it goes is told by the options and by nothing in it.
    Standard output tells the plan before, and what was written after.

    Exit status: 0 it stands there, and is complete; 2 the file is refused, or wrong usage; 3
    the review is not complete, or it could not be written.
    """
    known = load_settings(settings)
    host = host_of(change, vcs, known)
    if (host or known.vcs) == LOCAL:
        raise ConfigurationError(f"{change!r} is no pull request, such as owner/repo#42")
    loaded = _load(review, head)
    with history_engine(db, settings, executes="own", grows=True, makes=True, vcs=host) as engine:
        plan = engine.plan(loaded, change=str(read_change(change)))
        plan = plan if check else _unvouched(plan)
        apply_plan(engine, plan, _tell, settings=known, dry_run=dry_run)
    return Exit.OK if loaded.outcome is Outcome.REVIEWED else Exit.INCOMPLETE


def _unvouched(plan: Plan) -> Plan:
    """Leave out what would let a change pass: whoever opened it may have made the review."""
    kept = tuple(effect for effect in plan.effects if effect.kind is not EffectKind.CHECK)
    return replace(plan, effects=kept)


def _tell(text: str) -> None:
    write_out(f"{text}\n")


def _load(path: Path, head: str) -> Review:
    """Read a file that somebody else has made.

    Raises:
        ConfigurationError: It cannot be read, or is refused.
    """
    from codeflow_engine.publish.loading import load_review

    try:
        return load_review(_read(path), head=head)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(f"the review {str(path)!r} cannot be read: {reason}") from error
    except SerializationError as error:
        raise ConfigurationError(f"the review {str(path)!r} is refused: {error.message}") from error


def _read(path: Path) -> bytes:
    """Read a file, of which one byte more than it may have is enough to refuse it."""
    from codeflow_engine.publish.loading import MAX_REVIEW_BYTES

    # An archive can hold a link to a file of this machine, or a pipe that never ends.
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise SerializationError("it is no file")
        return file.read(MAX_REVIEW_BYTES + 1)
