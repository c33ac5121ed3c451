"""Columns of text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from codeflow_engine.reports.cells import width, wrap
from codeflow_engine.reports.style import Style
from codeflow_engine.reports.visible import escape

__all__ = ["table"]

_GAP = "  "
_NARROWEST = 20


def table(rows: Sequence[Sequence[str]], style: Style) -> str:
    """Lay rows out in columns; the last column wraps, the others are as wide as they need."""
    shown = [[escape(cell, style.encoding) for cell in row[:-1]] for row in rows]
    columns = [max(map(width, column)) for column in zip(*shown, strict=True)]
    indent = " " * sum(size + len(_GAP) for size in columns)
    room = None if style.width is None else max(style.width - len(indent), _NARROWEST)
    lines: list[str] = []
    for cells, row in zip(shown, rows, strict=True):
        padded = (
            cell + " " * (size - width(cell)) for cell, size in zip(cells, columns, strict=True)
        )
        head = "".join(cell + _GAP for cell in padded)
        first, *rest = wrap(row[-1].replace("\n", " "), room, style.encoding) or [""]
        lines += [(head + first).rstrip(), *(indent + line for line in rest)]
    return "".join(f"{line}\n" for line in lines)
