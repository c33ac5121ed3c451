"""`codeflow publish`: write a review that was made elsewhere to its pull request."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeflow_engine.domain.coverage import Outcome
from codeflow_engine.errors import ConfigurationError, SerializationError
from codeflow_engine.hosts.cli.change import LOCAL, Host, host_of, read_change, read_settings
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.history import Database, SettingsFile, history_engine
from codeflow_engine.hosts.cli.publishing import apply_plan
from codeflow_engine.hosts.cli.terminal import write_out

if TYPE_CHECKING:
    from codeflow_engine.domain.publishing import PublishPolicy
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
_Trusted = Annotated[
    bool,
    typer.Option(
        "--trusted",
        help="Write all that the settings say, such as the check, which can let a change pass: "
        "only where you trust whoever made the file.",
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
    trusted: _Trusted = False,
    dry_run: _DryRun = False,
    vcs: Host = None,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Write a review that was made elsewhere to its pull request.

    The file may come from whoever opened the pull request. It is refused where it is not a
    review of exactly that commit; where it goes is told by the options and by nothing in it. Of
    one that is not trusted, only the review and the summary are written, without edits that one
    click would commit. Standard output tells the plan before, and what was written after.

    Exit status: 0 it stands there, and is complete; 2 the file is refused, or wrong usage; 3
    the review is not complete, or it could not be written.
    """
    known = read_settings(settings)
    host = host_of(change, vcs, known)
    if (host or known.vcs) == LOCAL:
        raise ConfigurationError(f"{change!r} is no pull request, such as owner/repo#42")
    loaded = _load(review, head, trusted=trusted)
    policy = known.publish if trusted else _unvouched(known.publish)
    with history_engine(db, settings, executes="own", grows=True, makes=True, vcs=host) as engine:
        meant = str(read_change(change, known, os.environ))
        plan = engine.plan(loaded, change=meant, policy=policy)
        apply_plan(engine, plan, _tell, settings=known, dry_run=dry_run)
    return Exit.OK if loaded.outcome is Outcome.REVIEWED else Exit.INCOMPLETE


def _unvouched(policy: PublishPolicy) -> PublishPolicy:
    """Leave out what lets a change pass, or speaks beyond it: its author may have made the file.

    What stays is what such an author may do anyway: say something in it, and resolve a thread.
    """
    return replace(policy, summary=True, check=False, labels={}, issues_at=None, sarif=False)


def _tell(text: str) -> None:
    write_out(f"{text}\n")


def _load(path: Path, head: str, *, trusted: bool) -> Review:
    """Read a file that somebody else has made.

    Raises:
        ConfigurationError: It cannot be read, or is refused.
    """
    from codeflow_engine.publish.loading import load_review

    try:
        return load_review(_read(path), head=head, trusted=trusted)
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
