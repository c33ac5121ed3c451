"""Rows that hold what no version of this package writes, and how they are told of.

A file may be edited, or restored in part, and SQLite keeps any value in any column. The types
of columns never fail, but put `DAMAGED` in the place of such a value: a type knows of no row.
Whoever makes something of the row finds it there, and names the row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from codeflow_engine.errors import StorageError

__all__ = ["DAMAGED", "Damaged", "damaged", "reading"]


class Damaged:
    """Stands for a value that cannot be read. It is of no type, and equal to nothing else."""

    def __repr__(self) -> str:
        return "(damaged)"

    def isprintable(self) -> NoReturn:
        """Refuse to be written as the text that a column of keys holds.

        Raises:
            StorageError: Always.
        """
        raise damaged("a row")


DAMAGED: Final = Damaged()


def damaged(name: str) -> StorageError:
    """Make the error for a row, such as `run 'r1'`; it tells nothing of what the row holds."""
    return StorageError(f"{name} is damaged, or written by another version")


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Make values of what one row holds, and do nothing else.

    Raises:
        StorageError: They cannot be made; names the row.
    """
    try:
        yield
    except (TypeError, ValueError, ArithmeticError, AttributeError, RecursionError):
        raise damaged(name) from None
