"""Patterns as in `.gitignore` and `.gitattributes`, matched in a time that no path can blow up.

The usual translation of a glob into one regular expression backtracks: with it `*a*a*a*b`
takes 2 s for a name of 400 letters, and four times as long for each 1.6 times its length.
Names of files come from the author of the change. Here every part of a path meets every
part of a pattern once, and the stars of a part are atomic groups, which never backtrack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["PathGlob", "PathPatterns"]

type _Block = tuple[re.Pattern[str], ...]
"""Parts of a pattern that match as many parts of a path, one after the other."""


class PathPatterns:
    """An ordered list of patterns.

    The rules are those of git: a pattern without an inner `/` matches at any depth, one with
    a `/` at its end matches directories alone, `!` takes back what an earlier pattern has
    matched, and nothing below a directory that is matched can be taken back.

    Args:
        texts: The patterns. What git would ignore in silence is refused.

    Raises:
        ValueError: A pattern can never match; the message says why.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._patterns = [_Pattern.parse(text) for text in texts]

    def find(self, path: str) -> str | None:
        """Find the pattern that decides that a file is matched; None where it is not."""
        possible = [pattern for pattern in self._patterns if pattern.literal in path]
        if not possible:
            return None
        parts = path.split("/")
        deciding: list[_Pattern | None] = [None] * (len(parts) + 1)
        for pattern in possible:
            for depth in pattern.depths(parts):
                deciding[depth] = pattern
        for decision in deciding:
            if decision is not None and not decision.negated:
                return decision.text
        return None


class PathGlob:
    """One pattern as in `.gitattributes`, which matches a file and not what is below it.

    Args:
        text: The pattern; what it begins with or ends in has no meaning but for a first `/`.

    Raises:
        ValueError: It can never match; the message says why.
    """

    def __init__(self, text: str) -> None:
        if not text or text.endswith("/"):
            raise ValueError("it matches no file")
        self._pattern = _Pattern.read(text, text)

    def matches(self, path: str) -> bool:
        """Tell whether the whole path is matched."""
        if self._pattern.literal not in path:
            return False
        parts = path.split("/")
        return len(parts) in self._pattern.depths(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pattern:
    text: str
    negated: bool
    only_directories: bool
    literal: str
    """Text that stands in every path that it matches; most paths are told apart by it."""

    blocks: tuple[_Block, ...]
    """What stands before, between and after the `**`; the first block stands at the root."""

    @classmethod
    def parse(cls, text: str) -> _Pattern:
        if not text.strip() or text.startswith("#"):
            raise ValueError("it is blank or a comment; a name that starts with # needs a \\")
        if text.endswith(" ") and not text.endswith("\\ "):
            raise ValueError("it ends in a blank, which has to be written with a \\")
        return cls.read(text, text.removeprefix("!"))

    @classmethod
    def read(cls, text: str, glob: str) -> _Pattern:
        """Read what follows the mark of a negation, if there is one."""
        only_directories = glob.endswith("/")
        parts = glob.removesuffix("/").split("/")
        if parts[0] == "" and len(parts) > 1:
            del parts[0]
        elif len(parts) == 1:
            parts.insert(0, "**")
        if not all(parts):
            raise ValueError("it has an empty part")
        return cls(
            text=text,
            negated=glob != text,
            only_directories=only_directories,
            literal=_literal(parts),
            blocks=_blocks(parts),
        )

    def depths(self, parts: Sequence[str]) -> Iterator[int]:
        """List how many leading parts of a path make a file or directory that it matches."""
        deepest = len(parts) - 1 if self.only_directories else len(parts)
        head, *rest = self.blocks
        if not _stands_at(head, parts, 0):
            return
        at = len(head)
        if not rest:
            if at <= deepest:
                yield at
            return
        *middle, tail = rest
        for block in middle:
            # The first place leaves the most room for what follows, so it is the only one
            # to try.
            starts = range(at, len(parts) - len(block) + 1)
            found = next((start for start in starts if _stands_at(block, parts, start)), None)
            if found is None:
                return
            at = found + len(block)
        # A `**` at the end stands for everything below, and not for the directory itself.
        length = max(len(tail), 1)
        for start in range(at, deepest - length + 1):
            if _stands_at(tail, parts, start):
                yield start + length


def _stands_at(block: _Block, parts: Sequence[str], start: int) -> bool:
    return len(parts) >= start + len(block) and all(
        part.fullmatch(parts[start + number]) for number, part in enumerate(block)
    )


def _literal(parts: Sequence[str]) -> str:
    if any("[" in part or "\\" in part for part in parts):
        return ""
    return max((run for part in parts for run in re.split(r"[*?]", part)), key=len)


def _blocks(parts: Sequence[str]) -> tuple[_Block, ...]:
    blocks: list[list[re.Pattern[str]]] = [[]]
    for part in parts:
        if part.strip("*") or part == "*":
            blocks[-1].append(_translate(part))
        elif blocks[-1] or len(blocks) == 1:
            # Of several `**` in a row, each after the first adds nothing.
            blocks.append([])
    return tuple(map(tuple, blocks))


def _translate(glob: str) -> re.Pattern[str]:
    """Write one part of a pattern as a regular expression without backtracking."""
    pieces = [""]
    at = 0
    while at < len(glob):
        if glob[at] == "*":
            pieces.append("")
            at += 1
            continue
        token, at = _token(glob, at)
        pieces[-1] += token
    if len(pieces) == 1:
        return re.compile(pieces[0], re.DOTALL)
    first, *middle, last = pieces
    # Each piece matches a fixed number of characters, so that the first place is the best.
    atomic = "".join(f"(?>.*?{piece})" for piece in middle if piece)
    return re.compile(f"{first}{atomic}.*{last}", re.DOTALL)


def _token(glob: str, at: int) -> tuple[str, int]:
    """Read one character, `?` or set; return its expression and where the next one starts."""
    match glob[at]:
        case "?":
            return ".", at + 1
        case "[":
            return _set(glob, at)
        case "\\":
            if at + 1 == len(glob):
                raise ValueError("it ends in a \\ that stands before nothing")
            return re.escape(glob[at + 1]), at + 2
        case plain:
            return re.escape(plain), at + 1


def _set(glob: str, at: int) -> tuple[str, int]:
    """Read a set such as `[a-z_]` or `[!0-9]`."""
    at += 1
    negated = glob[at : at + 1] in {"!", "^"}
    start = at = at + negated
    members: list[tuple[str, str]] = []
    while at == start or glob[at : at + 1] != "]":
        low, at = _member(glob, at)
        high = low
        if glob[at : at + 1] == "-" and glob[at + 1 : at + 2] not in {"", "]"}:
            high, at = _member(glob, at + 1)
        if high < low:
            raise ValueError(f"the range from {low!r} to {high!r} is empty")
        members.append((low, high))
    told = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in members)
    return f"[{'^' if negated else ''}{told}]", at + 1


def _member(glob: str, at: int) -> tuple[str, int]:
    if glob[at : at + 2] == "[:":
        raise ValueError("named sets such as [:alpha:] are not known here")
    if glob[at : at + 1] == "\\":
        at += 1
    if at >= len(glob):
        raise ValueError("it has a [ without a ]")
    return glob[at], at + 1
