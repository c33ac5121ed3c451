"""The option `--format` of the commands that write a report."""

from __future__ import annotations

from typing import Annotated

import typer

from codeflow_engine.reports.formats import FORMATS

__all__ = ["ReportFormat"]


def _known(name: str) -> str:
    if name not in FORMATS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(FORMATS)}")
    return name


ReportFormat = Annotated[
    str,
    typer.Option(
        "--format", metavar="|".join(FORMATS), parser=_known, help="The form of the report."
    ),
]
