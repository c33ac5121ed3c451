"""Pairs of an earlier and a current finding: how likely they are one and the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Category
from codeflow_engine.review.likeness import CodeLikeness, context_likeness

__all__ = ["Accept", "Kindred", "Pair", "Trace", "moved", "rewritten", "stayed", "surely_rewritten"]

_ALIKE = 0.5
"""Likeness of the lines around from which on they are the same place."""

_MOVED = 0.6
"""The same for a place in another file or in another order, where nothing else speaks for it."""

_REWRITTEN = 0.55
"""Likeness of code from which on it is an edited form of the other."""

_STRANGE = 0.05
_NEAR = 2
"""Likeness of the lines around up to which a place farther away than so many lines is another
one, though the order of what was matched would allow it: few findings leave much room."""

_FRAMED = 0.75
_LENIENCE = 0.15
"""How much less alike code may be between lines around that are this much alike."""

_MUCH_ALIKE = 0.7
"""The same where not even the rule has the same name."""

_OTHER_RULE = 0.2
"""How much another name of the rule speaks against a pair."""


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


type Accept = Callable[[Pair], float | None]
"""Gives how likely a pair is, or None where it is refused."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An earlier and a current finding that may be one."""

    known: Trace
    current: Trace
    in_order: bool
    """Whether both stand between the same findings that are matched already."""

    gone: bool
    """Whether the known one was resolved before: the order alone then says nothing."""

    drift: int
    """Lines between where the known one is expected now and the current one."""

    likeness: CodeLikeness

    @property
    def around(self) -> float | None:
        """How alike the lines around are; None where they cannot be compared."""
        one, other = self.known, self.current
        return context_likeness((one.before, one.after), (other.before, other.after))

    @property
    def in_place(self) -> bool:
        """Whether the order speaks for the pair, and nothing else speaks clearly against it."""
        if not self.in_order or self.drift <= _NEAR:
            return self.in_order
        around = self.around
        return around is None or around > _STRANGE

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


def stayed(pair: Pair) -> float | None:
    """Take the same code for the same place where the order or the lines around say so."""
    around = pair.around
    if (not pair.in_place or pair.gone) and (around is None or around < _ALIKE):
        return None
    return (_ALIKE if around is None else around) + pair.nearness + pair.text / 2


def moved(pair: Pair) -> float | None:
    """Take the same code for the same place where the lines around have come with it."""
    around = pair.around
    if around is None or around < _MOVED:
        return None
    return around + pair.text / 2


def rewritten(pair: Pair, alike_from: float = _REWRITTEN) -> float | None:
    """Take code for an edited form of the other, in the same place of the order."""
    if not pair.in_place:
        return None
    alike = pair.likeness.of(pair.known.code, pair.current.code)
    around = pair.around
    framed = around is not None and around >= _FRAMED
    if alike < alike_from - framed * _LENIENCE or (pair.gone and not framed):
        return None
    return alike + (_ALIKE if around is None else around) + pair.nearness / 2 + pair.text / 2


def surely_rewritten(pair: Pair) -> float | None:
    """Take code for an edited form of the other where not even the rule is the same."""
    return rewritten(pair, _MUCH_ALIKE)


@dataclass(frozen=True, slots=True)
class Kindred:
    """Accepts another rule where it may be the same check by another name."""

    loose: frozenset[str]
    accept: Accept

    def __call__(self, pair: Pair) -> float | None:
        """Judge a pair by another acceptance, if the rules may be one."""
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
