"""`codeflow plugins`: what can be used here, and what cannot and why."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeflow_engine.errors import MissingDependencyError
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.plugin_check import check
from codeflow_engine.hosts.cli.table import table
from codeflow_engine.hosts.cli.terminal import style_of, write_out
from codeflow_engine.reports.prose import count

if TYPE_CHECKING:
    from codeflow_engine.plugins.overview import Plugins

__all__ = ["plugins", "states"]


def plugins() -> typer.Typer:
    """Build the commands about plugins; without one of them, plugins are listed."""
    group = typer.Typer(
        callback=_listed,
        invoke_without_command=True,
        rich_markup_mode=None,
    )
    group.command()(check)
    return group


def _listed(
    context: typer.Context,
    *,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read settings from this TOML file.")
    ] = None,
) -> int:
    """List every backend with its origin and its state, or check one with `check`.

    Exit status: 0, also where a backend lacks a package that nobody has to install; 3 where
    a plugin is installed and broken.
    """
    if context.invoked_subcommand is not None:
        return Exit.OK
    from codeflow_engine.sync import Engine

    with Engine(settings_file=settings, executes="none") as engine:
        known = engine.plugins
        rows, broken = states(known)
        failures = [(failure.origin, failure.error.message) for failure in known.failures]
    style = style_of(sys.stdout, os.environ, width=None)
    text = table([("KIND", "NAME", "ORIGIN", "STATE"), *rows], style)
    if failures:
        text += f"\n{count(len(failures), 'failure')}:\n{table(failures, style)}"
    write_out(text)
    return Exit.INCOMPLETE if failures or broken else Exit.OK


def states(known: Plugins) -> tuple[list[tuple[str, str, str, str]], int]:
    """Say of every backend whether it can be used, and count those that are broken.

    A backend is imported to find that out.
    """
    rows: list[tuple[str, str, str, str]] = []
    broken = 0
    for offer in known.backends:
        problem = known.problem(offer)
        if problem is None:
            state = "available"
        elif isinstance(problem, MissingDependencyError):
            state = f"not installed: pip install '{problem.requires}'"
        else:
            state = f"failed: {problem.message}"
            broken += 1
        rows.append((offer.kind, offer.name, offer.origin, state))
    return rows, broken
