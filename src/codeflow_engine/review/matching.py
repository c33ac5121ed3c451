"""Matching: which finding of this version is which one of an earlier version.

Nothing but the findings is compared, for an earlier version of a change may be gone. The
passes go from certain to likely, and what one pass has matched tells the next ones how the
lines of a file have moved:

| pass | same | and |
|---|---|---|
| twins | file, rule, code, all lines around, text | as many on both sides |
| twins | file, rule, code, all lines around | as many on both sides |
| stayed | file, rule, code | lines around alike, or the same place in the order |
| moved | rule, code | lines around alike |
| stayed | as above, in files that the moved ones show to be renamed | |
| renamed check | file, code, and a kindred rule | lines around alike, or the same place |
| rewritten | file, rule | code alike, and the same place in the order |
| rewritten | file | a kindred rule, code much alike, and the same place in the order |
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Category
from codeflow_engine.review.likeness import CodeLikeness, context_likeness

__all__ = ["Trace", "match"]

_WINDOW = 8
"""Candidates on each side of the expected rank that a finding of a large group is held against.

It bounds the work to a multiple of the number of findings, whatever a change brings.
"""

_ALIKE = 0.5
"""Likeness of the lines around from which on they are the same place."""

_MOVED = 0.6
"""The same for a place in another file or in another order, where nothing else speaks for it."""

_REWRITTEN = 0.55
"""Likeness of code from which on it is an edited form of the other."""

_FRAMED = 0.75
_LENIENCE = 0.15
"""How much less alike code may be between lines around that are this much alike."""

_MUCH_ALIKE = 0.7
"""The same where not even the rule has the same name."""

_OTHER_RULE = 0.2
"""How much another name of the rule speaks against a pair."""

_VOTES = 0.5
"""Part of a file's findings that were found again in a new one, to take that for the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What a finding of some version is matched by."""

    rule: str
    path: str
    """Path in the version under review, where the file is still there."""

    side: Side
    line: int
    """First line; 0 for a whole file."""

    code: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    title: str
    message: str
    category: Category
    sources: frozenset[str]


type _Accept = Callable[["_Pair"], float | None]
"""Gives how likely a pair is, or None where it is refused."""


def match(
    known: Sequence[Trace],
    current: Sequence[Trace],
    *,
    loose: frozenset[str] = frozenset(),
    strict: bool = False,
) -> dict[int, int]:
    """Match findings one to one; give the index of the known one for a current one.

    Args:
        known: Findings of earlier versions, sorted.
        current: Findings of this version, sorted.
        loose: Sources whose rules have no fixed names.
        strict: Whether the same place in the order says nothing, as for findings that
            were gone for a while.
    """
    matching = _Matching(known, current, strict=strict)
    matching.twins(lambda one: (*_place(one), one.before, one.after, one.title, one.message))
    matching.twins(lambda one: (*_place(one), one.before, one.after))
    matching.pairs((_place, _stayed))
    matching.pairs((lambda one: (one.rule, one.side, one.code) if one.code else None, _moved))
    matching.follow_renames()
    matching.pairs((_place, _stayed))
    matching.pairs((lambda one: (one.path, one.side, one.code), _Kindred(loose, _stayed)))
    renamed = _Kindred(loose, partial(_rewritten, alike_from=_MUCH_ALIKE))
    matching.pairs(
        (lambda one: (one.path, one.side, one.rule) if one.code else None, _rewritten),
        (lambda one: (one.path, one.side) if one.code else None, renamed),
    )
    return matching.found


def _place(one: Trace) -> tuple[Hashable, ...]:
    return one.path, one.rule, one.side, one.code


@dataclass(frozen=True, slots=True)
class _Pair:
    known: Trace
    current: Trace
    in_order: bool
    """Whether both stand between the same findings that are matched already."""

    drift: int
    """Lines between where the known one is expected now and the current one."""

    likeness: CodeLikeness

    @property
    def around(self) -> float | None:
        """How alike the lines around are; None where they cannot be compared."""
        one, other = self.known, self.current
        return context_likeness((one.before, one.after), (other.before, other.after))

    @property
    def nearness(self) -> float:
        """How much the order speaks for the pair: as much as the lines around, at best.

        Otherwise the copy of a line that was pasted with its surroundings would win over the
        line itself, next to which something was edited.
        """
        return 0.5 + 0.5 / (1 + self.drift / 4) if self.in_order else 0.0

    @property
    def text(self) -> float:
        """How alike title and message are: rewording says nothing, equality much."""
        same_title = self.known.title == self.current.title
        return (same_title + (same_title and self.known.message == self.current.message)) / 2


def _stayed(pair: _Pair) -> float | None:
    around = pair.around
    if not pair.in_order and (around is None or around < _ALIKE):
        return None
    return (_ALIKE if around is None else around) + pair.nearness + pair.text / 2


def _moved(pair: _Pair) -> float | None:
    around = pair.around
    if around is None or around < _MOVED:
        return None
    return around + pair.text / 2


def _rewritten(pair: _Pair, alike_from: float = _REWRITTEN) -> float | None:
    if not pair.in_order:
        return None
    alike = pair.likeness.of(pair.known.code, pair.current.code)
    around = pair.around
    framed = around is not None and around >= _FRAMED
    if alike < alike_from - framed * _LENIENCE:
        return None
    return alike + (_ALIKE if around is None else around) + pair.nearness / 2 + pair.text / 2


@dataclass(frozen=True, slots=True)
class _Kindred:
    """Accepts another rule where it may be the same check by another name."""

    loose: frozenset[str]
    accept: _Accept

    def __call__(self, pair: _Pair) -> float | None:
        likely = self.accept(pair) if self._kindred(pair.known, pair.current) else None
        return None if likely is None else likely - _OTHER_RULE

    def _kindred(self, one: Trace, other: Trace) -> bool:
        if one.rule == other.rule:
            return False
        if one.title == other.title and one.code:
            return True
        if one.category != other.category:
            return False
        both = one.sources & other.sources
        if both & self.loose:
            return True
        # Several sources agreed on one of the two; its rule is the one of the worst of them.
        return bool(both) and one.sources != other.sources


class _Matching:
    def __init__(self, known: Sequence[Trace], current: Sequence[Trace], *, strict: bool) -> None:
        self._known = list(known)
        self._current = current
        self._strict = strict
        self.found: dict[int, int] = {}
        self._likeness = CodeLikeness()
        self._free_known = dict.fromkeys(range(len(known)))
        self._free = dict.fromkeys(range(len(current)))

    def twins(self, key: Callable[[Trace], Hashable]) -> None:
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

    def pairs(self, *ways: tuple[Callable[[Trace], Hashable | None], _Accept]) -> None:
        """Match the likeliest pairs first, of all within groups of equal key."""
        moves = _Moves(self._known, self._current, self.found)
        likely: list[tuple[float, int, int, int]] = []
        for key, accept in ways:
            for olds, news in self._groups(key):
                for old, new in _candidates(olds, news):
                    pair = moves.pair(old, new, self._likeness, strict=self._strict)
                    score = accept(pair)
                    if score is not None:
                        likely.append((-score, pair.drift, old, new))
        for _, _, old, new in sorted(likely):
            if old in self._free_known and new in self._free:
                self._take(old, new)

    def follow_renames(self) -> None:
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
        self._fixed = {file: _rising(sorted(set(pairs))) for file, pairs in lines.items()}

    def holds(self, old: int, new: int) -> bool:
        """Tell whether a matched pair is one that the others agree with."""
        one, other = self._known[old], self._current[new]
        pair = (one.line, other.line)
        fixed = self._fixed.get((one.path, one.side), [])
        place = bisect_left(fixed, pair)
        return not (one.line and other.line) or fixed[place : place + 1] == [pair]

    def pair(self, old: int, new: int, likeness: CodeLikeness, *, strict: bool) -> _Pair:
        one, other = self._known[old], self._current[new]
        fixed = self._fixed.get((one.path, one.side), [])
        if one.path != other.path:
            return _Pair(one, other, in_order=False, drift=0, likeness=likeness)
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
        return _Pair(one, other, in_order=in_order and not strict, drift=drift, likeness=likeness)


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Keep the longest run of pairs that rise on both sides; the others have moved away."""
    ends: list[tuple[int, int]] = []
    last: list[int] = []
    chain: list[int] = []
    for at, (old, new) in enumerate(pairs):
        place = bisect_right(ends, (new, old))
        chain.append(last[place - 1] if place else -1)
        ends[place : place + 1] = [(new, old)]
        last[place : place + 1] = [at]
    rising: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        rising.append(pairs[at])
        at = chain[at]
    return rising[::-1]


def _candidates(olds: list[int], news: list[int]) -> Iterator[tuple[int, int]]:
    """Give the pairs of a group that are worth a look: all of a small one."""
    for rank, old in enumerate(olds):
        expected = rank * len(news) // len(olds)
        for new in news[max(expected - _WINDOW, 0) : expected + _WINDOW + 1]:
            yield old, new
