"""Listing: numbered rows of data that stand behind the parts of a chunk, inside of its fence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from codeflow_engine.contracts.strategy import Chunk

__all__ = ["listed", "row"]


def listed(chunk: Chunk, heading: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """Give the text of a chunk with rows behind its parts, each a line of JSON.

    Args:
        chunk: Its text ends with its fence.
        heading: A line of its own, before the first row.
        rows: None of them can begin a line of its own, nor end the fence.
    """
    shown, newline, fence = chunk.text.rstrip("\n").rpartition("\n")
    return f"{shown}{newline}{'\n'.join((heading, *map(row, rows)))}\n{fence}"


def row(told: Mapping[str, Any]) -> str:
    """Write a row as one line of JSON in which nothing is hidden."""
    line = json.dumps(told, ensure_ascii=False)
    return line if line.isprintable() else "".join(map(_visible, line))


def _visible(character: str) -> str:
    """Escape what nobody sees: there are more ends of lines than JSON escapes by itself."""
    return character if character.isprintable() else json.dumps(character)[1:-1]
