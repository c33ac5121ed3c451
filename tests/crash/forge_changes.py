"""The changes of which pull requests are made, and what is found in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from codeflow_engine.testing.examples import ExampleFile

__all__ = ["CHANGES", "FULL", "NOTES", "REPOSITORY", "SHELLS", "notes_of"]

REPOSITORY: Final = "acme/shop"

FULL: Final = "full"
"""More findings than a check takes in one request, and some that a model makes."""

NOTES: Final = 104
SHELLS: Final = 3
_NOTED: Final = "shop/notes.py"

type _Tree = Mapping[str, ExampleFile]


def _notes(*, marked: bool) -> str:
    lines = [f"def note_{at}(order):\n    return {at}" for at in range(NOTES)]
    if not marked:
        return "\n\n\n".join(lines) + "\n"
    return "\n\n\n".join(f"{line} + order.rest_{at}" for at, line in enumerate(lines)) + "\n"


def notes_of(path: str, text: str) -> list[tuple[int, str]]:
    """List the lines of a file that are found wanting without a model: number and text."""
    if path != _NOTED:
        return []
    return [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if "order.rest_" in line
    ]


def _full() -> tuple[_Tree, _Tree]:
    part = "".join(f"def step_{at}(order):\n    return order.price_{at}\n\n\n" for at in range(6))
    base = {f"shop/part_{at}.py": part for at in range(SHELLS)} | {_NOTED: _notes(marked=False)}
    head = {
        name: text.replace("order.price_3", "run(order, shell=True)") for name, text in base.items()
    }
    head[_NOTED] = _notes(marked=True)
    return tuple(
        {name: ExampleFile.of(text) for name, text in tree.items()} for tree in (base, head)
    )  # type: ignore[return-value] # two of them


CHANGES: Final[Mapping[str, tuple[_Tree, _Tree]]] = {FULL: _full()}
