"""What a review has come to: its report, and the exit status of the program."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeflow_engine.hosts.cli.destination import Destination
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.terminal import say, style_of, write_out
from codeflow_engine.reports.style import Style

if TYPE_CHECKING:
    from codeflow_engine.domain.review import Review

__all__ = ["FailOn", "Gate", "Output", "destination_of", "exit_status", "report"]


class Gate(StrEnum):
    """The least severity that counts as a failure."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"
    NEVER = "never"


Output = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the report to a file, whole or not at all."),
]
FailOn = Annotated[
    Gate, typer.Option(help="Exit with 1 for new or open findings as bad as this, or worse.")
]


def destination_of(output: Path | None) -> Destination | None:
    """Find out before the work begins what would keep a report from its file.

    Raises:
        ConfigurationError: It cannot be written there.
    """
    if output is None:
        return None
    destination = Destination(output)
    destination.check()
    return destination


def report(review: Review, form: str, destination: Destination | None) -> None:
    """Write the report of a review to a file, or to standard output."""
    from codeflow_engine.reports import formats
    from codeflow_engine.reports.summary import coverage_line, headline

    plain = review.to_json()
    style = Style() if destination is not None else style_of(sys.stdout, os.environ)
    text = formats.render(plain, form, style=style)
    if destination is None:
        write_out(text)
        return
    destination.write(text)
    say(f"wrote {destination}\n{headline(plain)}\n{coverage_line(plain)}")


def exit_status(review: Review, gate: Gate) -> Exit:
    """Tell by an exit status how a review has ended."""
    if review.outcome != "reviewed":
        return Exit.INCOMPLETE
    worst = review.worst()
    if gate is Gate.NEVER or worst is None:
        return Exit.OK
    from codeflow_engine.domain.finding import Severity

    return Exit.FINDINGS if worst.at_least(Severity(gate.value)) else Exit.OK
