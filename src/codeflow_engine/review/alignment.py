"""Alignment: the heaviest choice of pairs that keeps the order on both sides."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

__all__ = ["align"]


def align(pairs: Iterable[tuple[int, int, float]]) -> list[tuple[int, int]]:
    """Choose pairs that rise strictly on both sides and weigh most together.

    The same choice for any order of the pairs. Takes n log n steps.

    Args:
        pairs: Place on one side, place on the other, and a weight above zero.
    """
    rows = sorted(pairs)
    ranks = {right: rank for rank, right in enumerate(sorted({row[1] for row in rows}), 1)}
    chains = _Chains(len(ranks))
    for _, group in groupby(enumerate(rows), key=lambda row: row[1][0]):
        # Pairs of one left place must not build on each other.
        found = [
            (at, ranks[right], weight, chains.best(ranks[right] - 1))
            for at, (_, right, weight) in group
        ]
        for at, rank, weight, before in found:
            chains.add(at, rank, weight, before)
    return [itemgetter(0, 1)(rows[at]) for at in chains.heaviest()]


class _Chains:
    """The heaviest chain that ends at or before each rank, in a tree of prefixes."""

    def __init__(self, ranks: int) -> None:
        self._ends: list[int | None] = [None] * (ranks + 1)
        self._weight: dict[int | None, float] = {None: 0.0}
        self._before: dict[int, int | None] = {}

    def best(self, rank: int) -> int | None:
        """Give the end of the heaviest chain up to a rank."""
        best: int | None = None
        while rank:
            if self._weight[self._ends[rank]] > self._weight[best]:
                best = self._ends[rank]
            rank &= rank - 1
        return best

    def add(self, end: int, rank: int, weight: float, before: int | None) -> None:
        """Make a chain longer by one pair."""
        self._weight[end] = self._weight[before] + weight
        self._before[end] = before
        while rank < len(self._ends):
            if self._weight[end] > self._weight[self._ends[rank]]:
                self._ends[rank] = end
            rank += rank & -rank

    def heaviest(self) -> list[int]:
        """Give the pairs of the heaviest chain of all, in order."""
        chain: list[int] = []
        at = self.best(len(self._ends) - 1)
        while at is not None:
            chain.append(at)
            at = self._before[at]
        return chain[::-1]
