"""The commands of the program, and the options that belong to none of them."""

from __future__ import annotations

from typing import Annotated

import typer

from codeflow_engine.hosts.cli.database import database
from codeflow_engine.hosts.cli.dismissals import dismiss, dismissals
from codeflow_engine.hosts.cli.doctor import doctor
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.fix import fix
from codeflow_engine.hosts.cli.plugins import plugins
from codeflow_engine.hosts.cli.publish import publish
from codeflow_engine.hosts.cli.reading import ask, describe
from codeflow_engine.hosts.cli.review import review
from codeflow_engine.hosts.cli.runs import runs
from codeflow_engine.hosts.cli.showing import show
from codeflow_engine.hosts.cli.steering import approve, cancel, resume
from codeflow_engine.hosts.cli.terminal import say, write_out
from codeflow_engine.hosts.cli.worker import worker

__all__ = ["app"]


def app() -> typer.Typer:
    """Build the program; without rich, whose import alone takes a tenth of a second."""
    program = typer.Typer(
        name="codeflow",
        add_completion=False,
        invoke_without_command=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    program.callback()(_options)
    reading = (review, describe, ask, fix)
    others = (publish, runs, show, resume, cancel, approve, worker, dismiss, doctor)
    for command in (*reading, *others):
        program.command()(command)
    program.add_typer(dismissals(), name="dismissals")
    program.add_typer(plugins(), name="plugins")
    program.add_typer(database(), name="db")
    return program


def _print_version(asked: bool) -> None:  # noqa: FBT001 - the form that typer calls
    if asked:
        from importlib.metadata import version

        write_out(f"codeflow-engine {version('codeflow-engine')}\n")
        raise typer.Exit


def _options(
    context: typer.Context,
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Review code changes, without a server and without a key."""
    del version
    if context.invoked_subcommand is None:
        say(context.get_help())
        raise typer.Exit(Exit.USAGE)
