"""A patch as text to look at: escaped, and therefore not to be applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from codeflow_engine.reports.prose import count
from codeflow_engine.reports.visible import escape

__all__ = ["left_lines", "render", "shown"]


def render(given: Mapping[str, Any]) -> str:
    """Show the diff of a patch, and what it leaves; `given` is its JSON form."""
    told = f"{count(len(given['fixed']), 'finding')} mended, {len(given['left'])} left"
    return "\n".join((shown(given["diff"]) + told, *left_lines(given)))


def shown(diff: str, encoding: str = "utf-8") -> str:
    """Write a diff with nothing hidden in it; tabs and ends of lines stay."""
    return "\n".join(
        "\t".join(escape(part, encoding) for part in line.split("\t")) for line in diff.split("\n")
    )


def left_lines(given: Mapping[str, Any]) -> Iterator[str]:
    """Say of each finding that is left why."""
    for fingerprint, reason in given["left"].items():
        yield f"left: {escape(fingerprint)}: {escape(reason)}"
