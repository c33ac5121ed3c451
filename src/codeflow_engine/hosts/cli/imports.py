"""Reports of other tools that a review takes over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["Imported", "import_settings"]

Imported = Annotated[
    list[Path] | None,
    typer.Option(
        "--import",
        metavar="FILE",
        help="Fuse the findings of a SARIF or reviewdog report; may be repeated.",
    ),
]


def import_settings(imported: Sequence[Path] | None) -> dict[str, dict[str, Any]] | None:
    """Give the settings of the analyzer that reads such reports; None where there are none."""
    reports = [str(one.absolute()) for one in imported or ()]
    return {"imported": {"reports": reports}} if reports else None
