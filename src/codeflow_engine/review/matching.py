"""Matching: which finding of this version is which one of an earlier version.

Nothing but the findings is compared, for an earlier version of a change may be gone. The
passes go from certain to likely, and what one pass has matched tells the next ones how the
lines of a file have moved:

| pass | same | and |
|---|---|---|
| twins | file, rule, code, all lines around, text | as many on both sides |
| twins | file, rule, code, all lines around | as many on both sides |
| stayed | file, rule, code | lines around alike, or the same place; all in one order |
| stayed | file, rule, code | the same, in any order |
| moved | rule, code | lines around alike |
| stayed | as above, in files that the moved ones show to be renamed | |
| renamed check | file, code, and a kindred rule | lines around alike, or the same place |
| rewritten | file, rule | code alike, and the same place in the order |
| rewritten | file | a kindred rule, code much alike, and the same place in the order |
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import replace

from codeflow_engine.review.alignment import align
from codeflow_engine.review.likely import (
    Accept,
    Kindred,
    Pair,
    Trace,
    moved,
    rewritten,
    stayed,
    surely_rewritten,
)
from codeflow_engine.review.likeness import CodeLikeness

__all__ = ["match"]

_WINDOW = 8
"""Candidates on each side of the expected rank that a finding of a large group is held against.

It bounds the work to a multiple of the number of findings, whatever a change brings.
"""

_VOTES = 0.5
"""Part of a file's findings that were found again in a new one, to take that for the same."""


def match(
    known: Sequence[Trace],
    current: Sequence[Trace],
    *,
    loose: frozenset[str] = frozenset(),
    gone: frozenset[int] = frozenset(),
) -> dict[int, int]:
    """Match findings one to one; give the index of the known one for a current one.

    Args:
        known: Findings of earlier versions, sorted.
        current: Findings of this version, sorted.
        loose: Sources whose rules have no fixed names.
        gone: Indices of the known ones that were resolved; they get what the others leave.
    """
    matching = _Matching(known, current, loose)
    for candidates in (frozenset(range(len(known))) - gone, gone):
        matching.run(candidates, gone=candidates is gone)
    return matching.found


def _place(one: Trace) -> Hashable:
    return one.path, one.rule, one.side, one.code


def _code(one: Trace) -> Hashable | None:
    return (one.rule, one.side, one.code) if one.code else None


def _code_here(one: Trace) -> Hashable:
    return one.path, one.side, one.code


def _rule_here(one: Trace) -> Hashable | None:
    return (one.path, one.side, one.rule) if one.code else None


def _file(one: Trace) -> Hashable | None:
    return (one.path, one.side) if one.code else None


class _Matching:
    def __init__(
        self, known: Sequence[Trace], current: Sequence[Trace], loose: frozenset[str]
    ) -> None:
        self._known = list(known)
        self._current = current
        self._loose = loose
        self.found: dict[int, int] = {}
        self._likeness = CodeLikeness()
        self._gone = False
        self._free_known: dict[int, None] = {}
        self._free = dict.fromkeys(range(len(current)))

    def run(self, known: Collection[int], *, gone: bool) -> None:
        """Match what is free of this version with some of the known ones."""
        self._free_known = dict.fromkeys(sorted(known))
        self._gone = gone
        self._twins(lambda one: (_place(one), one.before, one.after, one.title, one.message))
        self._twins(lambda one: (_place(one), one.before, one.after))
        self._align(_place, stayed)
        self._pairs((_place, stayed))
        self._pairs((_code, moved))
        self._follow_renames()
        self._pairs((_place, stayed))
        self._pairs((_code_here, Kindred(self._loose, stayed)))
        self._pairs((_rule_here, rewritten), (_file, Kindred(self._loose, surely_rewritten)))

    def _twins(self, key: Callable[[Trace], Hashable]) -> None:
        """Match groups of equal ones that are as many on both sides, in their order.

        Only those that are in order with each other count: a line that was edited around,
        and then copied as it had been before, is the twin of its copy.
        """
        found = dict(self.found)
        for olds, news in self._groups(key):
            if len(olds) == len(news):
                found.update(zip(news, olds, strict=True))
        moves = _Moves(self._known, self._current, found)
        for new, old in found.items():
            if new not in self.found and moves.holds(old, new):
                self._take(old, new)

    def _align(self, key: Callable[[Trace], Hashable | None], accept: Accept) -> None:
        """Match the pairs within each group of equal key that are likeliest in one order.

        A line that is repeated and edited around is like many of its repetitions: only the
        order of all of them together tells which is which.
        """
        moves = _Moves(self._known, self._current, self.found)
        for olds, news in list(self._groups(key)):
            likely: list[tuple[int, int, float]] = []
            for old, new in _candidates(olds, news):
                score = accept(moves.pair(old, new, self._likeness, gone=self._gone))
                if score is not None:
                    likely.append((old, new, score))
            for old, new in align(likely):
                self._take(old, new)

    def _pairs(self, *ways: tuple[Callable[[Trace], Hashable | None], Accept]) -> None:
        """Match the likeliest pairs first, of all within groups of equal key."""
        moves = _Moves(self._known, self._current, self.found)
        likely: list[tuple[float, int, int, int]] = []
        for key, accept in ways:
            for olds, news in self._groups(key):
                for old, new in _candidates(olds, news):
                    pair = moves.pair(old, new, self._likeness, gone=self._gone)
                    score = accept(pair)
                    if score is not None:
                        likely.append((-score, pair.drift, old, new))
        for _, _, old, new in sorted(likely):
            if old in self._free_known and new in self._free:
                self._take(old, new)

    def _follow_renames(self) -> None:
        """Take a file that is gone for the new one in which most of its findings were found."""
        votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for new, old in self.found.items():
            votes[self._known[old].path][self._current[new].path] += 1
        here = {one.path for one in self._current}
        before = Counter(one.path for one in self._known)
        names = {
            path: min(found, key=lambda name: (-found[name], name))
            for path, found in votes.items()
            if path not in here
        }
        for at, one in enumerate(self._known):
            name = names.get(one.path)
            if name and name not in before and votes[one.path][name] >= _VOTES * before[one.path]:
                self._known[at] = replace(one, path=name)

    def _groups(
        self, key: Callable[[Trace], Hashable | None]
    ) -> Iterator[tuple[list[int], list[int]]]:
        olds: defaultdict[Hashable, list[int]] = defaultdict(list)
        for old in self._free_known:
            olds[key(self._known[old])].append(old)
        news: defaultdict[Hashable, list[int]] = defaultdict(list)
        for new in self._free:
            news[key(self._current[new])].append(new)
        for name in list(olds):
            if name is not None and name in news:
                yield olds[name], news[name]

    def _take(self, old: int, new: int) -> None:
        self.found[new] = old
        del self._free_known[old], self._free[new]


class _Moves:
    """Tells how the lines of a file moved, from the findings that are matched already."""

    def __init__(
        self, known: Sequence[Trace], current: Sequence[Trace], found: dict[int, int]
    ) -> None:
        self._known = known
        self._current = current
        lines: defaultdict[Hashable, list[tuple[int, int]]] = defaultdict(list)
        for new, old in found.items():
            one, other = known[old], current[new]
            if one.path == other.path and one.line and other.line:
                lines[one.path, one.side].append((one.line, other.line))
        self._fixed = {
            file: align((old, new, 1.0) for old, new in set(pairs)) for file, pairs in lines.items()
        }

    def holds(self, old: int, new: int) -> bool:
        """Tell whether a matched pair is one that the others agree with."""
        one, other = self._known[old], self._current[new]
        pair = (one.line, other.line)
        fixed = self._fixed.get((one.path, one.side), [])
        place = bisect_left(fixed, pair)
        return not (one.line and other.line) or fixed[place : place + 1] == [pair]

    def pair(self, old: int, new: int, likeness: CodeLikeness, *, gone: bool) -> Pair:
        one, other = self._known[old], self._current[new]
        fixed = self._fixed.get((one.path, one.side), [])
        if one.path != other.path:
            return Pair(one, other, in_order=False, gone=gone, drift=0, likeness=likeness)
        below = bisect_right(fixed, one.line, key=lambda pair: pair[0])
        shifts = [new - old for old, new in fixed[max(below - 1, 0) : below + 1]] or [0]
        drift = min(abs(one.line + shift - other.line) for shift in shifts)
        low = fixed[below - 1][1] if below else 0
        if below and fixed[below - 1][0] == one.line:
            in_order = other.line == low
        else:
            in_order = low <= other.line
        if below < len(fixed):
            in_order = in_order and other.line <= fixed[below][1]
        return Pair(one, other, in_order=in_order, gone=gone, drift=drift, likeness=likeness)


def _candidates(olds: list[int], news: list[int]) -> Iterator[tuple[int, int]]:
    """Give the pairs of a group that are worth a look: all of a small one."""
    for rank, old in enumerate(olds):
        expected = rank * len(news) // len(olds)
        for new in news[max(expected - _WINDOW, 0) : expected + _WINDOW + 1]:
            yield old, new
