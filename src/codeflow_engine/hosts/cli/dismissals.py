"""`codeflow dismiss` and `codeflow dismissals`: findings that need no attention, and why."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeflow_engine.errors import ConfigurationError, SerializationError
from codeflow_engine.hosts.cli.destination import Destination
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.history import Database, SettingsFile, history_engine
from codeflow_engine.hosts.cli.moments import later, shown
from codeflow_engine.hosts.cli.table import table
from codeflow_engine.hosts.cli.terminal import say, style_of, write_out
from codeflow_engine.hosts.cli.user import user_name
from codeflow_engine.reports.prose import count

if TYPE_CHECKING:
    from codeflow_engine.domain.dismissal import Dismissal

__all__ = ["dismiss", "dismissals"]

_SHORT = 12
_MOST_BYTES = 64 * 1024 * 1024

_Fingerprint = Annotated[
    str, typer.Argument(metavar="FINGERPRINT", help="As a report shows it; its beginning will do.")
]


def dismiss(
    fingerprint: _Fingerprint,
    *,
    reason: Annotated[str, typer.Option(help="Why, for those who come later.")],
    scope: Annotated[
        str, typer.Option(metavar="SCOPE", help="Holds for this change, repository, or tenant.")
    ] = "repository",
    where: Annotated[
        str | None, typer.Option(help="Which change or repository, where it is in several.")
    ] = None,
    author: Annotated[
        str | None, typer.Option(help="Who says so. [default: the user's name]")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Until when: 30d, 2w, or a date.")
    ] = None,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Say that a finding needs no attention, so that later reviews show it as dismissed."""
    now = datetime.now(UTC)
    until = None if expires is None else later(expires, now)
    with history_engine(db, settings, makes=True) as engine:
        made = engine.dismiss(
            fingerprint,
            reason=reason,
            author=author or user_name("--author"),
            scope=scope,
            where=where,
            expires_at=until,
        )
    write_out(
        table([("dismissed", made.fingerprint), *_facts(made)], style_of(sys.stdout, os.environ))
    )
    return Exit.OK


def _facts(one: Dismissal) -> list[tuple[str, str]]:
    rows = [("finding", f"{one.rule} {one.path}: {one.title}" if one.rule else "not known here")]
    rows.append(("scope", one.scope if one.where is None else f"{one.scope} {one.where}"))
    rows.append(("until", shown(one.expires_at) if one.expires_at else "taken back"))
    return [*rows, ("reason", one.reason), ("author", one.author)]


def dismissals() -> typer.Typer:
    """Build the commands about all dismissals."""
    group = typer.Typer(
        help="List dismissals, take them back, and carry them elsewhere.",
        rich_markup_mode=None,
        no_args_is_help=True,
    )
    group.command("list")(_list)
    group.command("restore")(_restore)
    group.command("export")(_export)
    group.command("import")(_import)
    return group


def _list(*, db: Database = None, settings: SettingsFile = None) -> int:
    """List every dismissal, expired ones too."""
    with history_engine(db, settings) as engine:
        found = engine.dismissals()
    if not found:
        write_out("no dismissals\n")
        return Exit.OK
    rows = [("FINGERPRINT", "SCOPE", "UNTIL", "AUTHOR", "RULE", "PATH", "REASON")]
    now = datetime.now(UTC)
    for one in found:
        until = "" if one.expires_at is None else shown(one.expires_at)
        until += " (expired)" if one.expires_at is not None and one.expires_at <= now else ""
        scope = one.scope if one.where is None else f"{one.scope} {one.where}"
        rows.append(
            (one.fingerprint[:_SHORT], scope, until, one.author, one.rule, one.path, one.reason)
        )
    write_out(table(rows, style_of(sys.stdout, os.environ, width=None)))
    return Exit.OK


def _restore(
    fingerprint: _Fingerprint, *, db: Database = None, settings: SettingsFile = None
) -> int:
    """Take back every dismissal of a finding.

    Exit status: 0; 2 where nothing was dismissed under that fingerprint.
    """
    with history_engine(db, settings) as engine:
        gone = engine.restore(fingerprint)
    if not gone:
        raise ConfigurationError(f"no dismissal's fingerprint begins with {fingerprint!r}")
    write_out(f"took back {count(len(gone), 'dismissal')} of {gone[0].fingerprint}\n")
    return Exit.OK


def _export(
    output: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="[default: standard output]")
    ] = None,
    *,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Write every dismissal as JSON."""
    from codeflow_engine.domain.dismissal import dismissals_to_json

    destination = None if output is None else Destination(output)
    if destination is not None:
        destination.check()
    with history_engine(db, settings) as engine:
        found = engine.dismissals()
    text = json.dumps(dismissals_to_json(found), indent=2) + "\n"
    if destination is None:
        write_out(text)
    else:
        destination.write(text)
        say(f"wrote {count(len(found), 'dismissal')} to {destination}")
    return Exit.OK


def _import(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What export wrote; - is input.")],
    *,
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Read dismissals from JSON; each replaces one of the same finding, scope and place."""
    from codeflow_engine.domain.dismissal import dismissals_from_json

    try:
        found = dismissals_from_json(json.loads(_read(file)))
    except (ValueError, RecursionError) as error:
        told = error.message if isinstance(error, SerializationError) else "it is no JSON"
        raise ConfigurationError(f"{file!r} cannot be imported: {told}") from None
    with history_engine(db, settings, makes=True) as engine:
        engine.import_dismissals(found)
    write_out(f"imported {count(len(found), 'dismissal')}\n")
    return Exit.OK


def _read(name: str) -> bytes:
    try:
        if name == "-":
            data = sys.stdin.buffer.read(_MOST_BYTES + 1) if sys.stdin else b""
        else:
            with Path(name).open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{name!r} cannot be read: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise ConfigurationError(f"{name!r} is over {_MOST_BYTES} bytes")
    return data
