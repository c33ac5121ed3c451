"""Pieces of changes that never were, for tests of what becomes of pieces."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from codeflow_engine.domain.diff import LineKind, Unit
from codeflow_engine.review.piece import Piece, ShownLine

__all__ = ["edited", "hunk", "made_change", "renamed"]

_NAMES = (
    *("order", "price", "total", "user", "cart", "stock", "label", "batch", "queue", "index"),
    *("cache", "entry"),
)


def hunk(path: str, lines: Sequence[str], *, file: int = 0, number: int = 0) -> Piece:
    """Make the piece of a hunk: three lines of context, and then lines that were added."""
    shown = tuple(
        ShownLine(
            kind=LineKind.CONTEXT if place < 3 else LineKind.ADD,
            text=text,
            old_number=None,
            new_number=place + 1,
        )
        for place, text in enumerate(lines)
    )
    text = "\n".join((f"file: {path}", *(f"+{line}" for line in lines)))
    unit = Unit(file=file, hunk=number)
    return Piece(unit=unit, path=path, paths=(path,), text=text, lines=shown)


def made_change(files: int, seed: int = 7) -> list[Piece]:
    """Make a change of modules, tests and pages, with one to five hunks each."""
    chance = random.Random(seed)  # noqa: S311 - made text, no secret
    pieces: list[Piece] = []
    for file in range(files):
        folder = "/".join(chance.choices(("api", "web", "jobs", "store"), k=chance.randint(1, 3)))
        name = f"{chance.choice(_NAMES)}_{file}"
        path = chance.choices(
            (
                f"src/{folder}/{name}.py",
                f"tests/{folder}/test_{name}.py",
                f"docs/{folder}/{name}.md",
            ),
            (6, 3, 1),
        )[0]
        pieces += [
            hunk(path, _lines(chance), file=file, number=number)
            for number in range(chance.randint(1, 5))
        ]
    return pieces


def _lines(chance: random.Random) -> list[str]:
    return [
        f"    {' + '.join(chance.choices(_NAMES, k=3))} = {chance.randint(0, 999)}"
        for _ in range(chance.randint(4, 40))
    ]


def edited(piece: Piece, line: str) -> Piece:
    """Give the piece as it is when a line was added at its end."""
    lines = [one.text for one in piece.lines]
    return hunk(piece.path, [*lines, line], file=piece.unit.file, number=piece.unit.hunk or 0)


def renamed(piece: Piece, path: str) -> Piece:
    """Give the piece as it is when its file has another name."""
    text = piece.text.replace(piece.path, path)
    return replace(piece, path=path, paths=(piece.path, path), text=text)
