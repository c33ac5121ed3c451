"""Pack: group the pieces of a change into chunks, so that a push leaves most as they were.

A model's answer to a chunk is kept under the chunk's content, and is paid for once. Filling
chunks one after the other would move every boundary behind the first piece that grew. Here a
boundary belongs to what stands behind it, and two things alone decide about it: how deep in
the tree of files it is, and a hash of what stands behind it.

The pieces stand in the order of the tree. As long as a run of them is over the room of a chunk,
it is cut at the least deep of its boundaries, and of those at the one with the lowest hash: a
treap, in which runs within the room are leaves. It follows that

- directories, modules with their tests, and files stay whole as long as they fit;
- a piece that grows or shrinks changes its own chunk, which may be cut, or joined with its
  neighbours where all of them have room in one;
- a file that comes or goes changes, besides, at most the chunk that ends where it begins.

What that costs is room: chunks are full by half to two thirds.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from codeflow_engine.domain.diff import LineKind
from codeflow_engine.review.piece import Piece
from codeflow_engine.review.related import Place, places
from codeflow_engine.review.risk import risk

__all__ = ["pack"]

type _Rank = tuple[int, bytes]
"""Depth and hash of a boundary; the lowest is cut first."""

_LEADING: Final = 3
"""Lines of context that git puts before a change."""


def pack(
    pieces: Sequence[Piece],
    *,
    tokens: Callable[[str], int],
    room: int,
    readers: Callable[[tuple[str, ...]], frozenset[str]],
) -> tuple[tuple[Piece, ...], ...]:
    """Group pieces into chunks; each is in exactly one.

    Args:
        pieces: Of one change, in any order: the same ones always give the same chunks.
        tokens: Estimates the tokens of a text.
        room: Tokens of one chunk. Only a piece that is longer by itself has more.
        readers: Ids of the models that may see a file, by its paths. Pieces share a chunk only
            where these are equal.

    Returns:
        The riskiest chunk first (`risk`, of its riskiest file), the larger before the smaller,
        then by path. In a chunk the parts and hunks of a file follow one another.
    """
    groups: dict[frozenset[str], list[Piece]] = {}
    known = {paths: readers(paths) for paths in dict.fromkeys(piece.paths for piece in pieces)}
    for piece in pieces:
        groups.setdefault(known[piece.paths], []).append(piece)
    found: list[tuple[tuple[object, ...], tuple[Piece, ...]]] = []
    risks = {path: risk(path) for path in {piece.path for piece in pieces}}
    for group in groups.values():
        ordered, ranks = _arrange(group)
        sizes = [tokens(piece.text) for piece in ordered]
        for low, high in _cut(sizes, ranks, room):
            chunk = tuple(ordered[low:high])
            riskiest = min(risks[piece.path] for piece in chunk)
            found.append(((riskiest, -sum(sizes[low:high]), *_order(chunk[0])), chunk))
    return tuple(chunk for _, chunk in sorted(found, key=lambda one: one[0]))


def _order(piece: Piece) -> tuple[str, tuple[str, ...], int, int, int]:
    """Tell the pieces of a file apart, and give their order; entries have no hunks, or some."""
    hunk = -1 if piece.unit.hunk is None else piece.unit.hunk
    return piece.path, piece.paths, piece.unit.file, hunk, piece.part


def _arrange(group: Sequence[Piece]) -> tuple[list[Piece], list[_Rank]]:
    """Put pieces into the order of the tree, each with the rank of the boundary before it."""
    where = places(dict.fromkeys(piece.path for piece in group))
    ordered = sorted(group, key=lambda piece: (where[piece.path], _order(piece)))
    ranks: list[_Rank] = []
    before: Piece | None = None
    seen: Counter[bytes] = Counter()
    for piece in ordered:
        here = where[piece.path]
        if before is None or piece.path != before.path:
            depth = 0 if before is None else _shared(where[before.path], here)
            ranks.append((depth, _digest(*here[: depth + 1])))
            seen.clear()
        else:
            label = _digest(piece.path, *_beginning(piece))
            seen[label] += 1
            ranks.append((len(here), _digest(label.hex(), str(seen[label]))))
        before = piece
    return ordered, ranks


def _shared(one: Place, other: Place) -> int:
    """Count the parts that two places begin with."""
    pairs = zip(one, other, strict=False)
    return next((depth for depth, (a, b) in enumerate(pairs) if a != b), 0)


def _beginning(piece: Piece) -> Iterator[str]:
    """Name a piece by what an edit inside of it leaves alone: the lines before the change.

    Its number would not do: a hunk that comes before it moves that of all others.
    """
    if not piece.lines:
        yield piece.text
    for number, line in enumerate(piece.lines[:_LEADING]):
        if number and line.kind is not LineKind.CONTEXT:
            return
        yield line.text


def _digest(*texts: str) -> bytes:
    data = "\n".join(texts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=8).digest()


def _cut(sizes: Sequence[int], ranks: Sequence[_Rank], room: int) -> Iterator[tuple[int, int]]:
    """Cut a row into runs within the room, each time at the boundary of the lowest rank."""
    sums = [0, *accumulate(sizes)]
    left, right, top = _tree(ranks)
    todo = [(0, len(sizes), top)]
    while todo:
        low, high, middle = todo.pop()
        if high - low <= 1 or sums[high] - sums[low] <= room:
            yield low, high
        else:
            todo += (middle, high, right[middle]), (low, middle, left[middle])


def _tree(ranks: Sequence[_Rank]) -> tuple[list[int], list[int], int]:
    """Link the boundaries (each has the number of the item behind it) as a Cartesian tree.

    Each is above those of higher rank to its left and right. 0 stands for none: nothing is
    before the first item. The tree may be as deep as the row is long, so nothing recurses.
    """
    left, right = [0] * len(ranks), [0] * len(ranks)
    spine: list[int] = []
    for number in range(1, len(ranks)):
        while spine and ranks[spine[-1]] > ranks[number]:
            left[number] = spine.pop()
        if spine:
            right[spine[-1]] = number
        spine.append(number)
    return left, right, spine[0] if spine else 0
