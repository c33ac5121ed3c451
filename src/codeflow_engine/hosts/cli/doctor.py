"""`codeflow doctor`: whether everything stands that a review needs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.models import Models
from codeflow_engine.hosts.cli.table import table
from codeflow_engine.hosts.cli.terminal import style_of, write_out
from codeflow_engine.reports.prose import count

__all__ = ["doctor"]


def doctor(
    *,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read settings from this TOML file.")
    ] = None,
    llm: Models = None,
) -> int:
    """Check what a review needs, and say what is wrong.

    Each model is asked something short, which costs a fraction of a cent. Names of settings
    and of environment variables are shown, their values never.

    Exit status: 0 where all is well, 3 where something is not.
    """
    from codeflow_engine.hosts.cli.checks import State, examine

    checks = examine(settings, os.environ, llm or None)
    problems = sum(check.state is State.PROBLEM for check in checks)
    warnings = sum(check.state is State.WARNING for check in checks)
    text = table(
        [(check.state, check.topic, check.told) for check in checks],
        style_of(sys.stdout, os.environ, width=None),
    )
    verdict = f"not ok: {count(problems, 'problem')}" if problems else "ok"
    more = f", {count(warnings, 'warning')}" if warnings else ""
    write_out(f"{text}\n{verdict}{more}\n")
    return Exit.INCOMPLETE if problems else Exit.OK
