"""Paths as they are on a cassette."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["portable", "portable_all"]


def portable(target: str, directory: Path) -> str:
    """Name a path from the directory that the engine was made in; other texts stay.

    So a recording can be played back in another checkout.
    """
    path = Path(target) if "\0" not in target else Path()
    if not path.is_absolute() or not path.is_relative_to(directory):
        return target.rstrip("/") or target
    return str(path.relative_to(directory))


def portable_all(plain: Any, directory: Path) -> Any:
    """Do so with all texts of plain JSON data."""
    if isinstance(plain, str):
        return portable(plain, directory)
    if isinstance(plain, dict):
        return {key: portable_all(one, directory) for key, one in plain.items()}
    if isinstance(plain, list):
        return [portable_all(one, directory) for one in plain]
    return plain
