"""Stretches of the input, and sequences whose items are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, overload, override

__all__ = ["Lazy", "Span"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Span:
    """A byte range of the input.

    Two spans are equal when their bytes are, wherever they stand: the same hunk in two
    diffs is the same value. A pickled span carries its own bytes, not the whole input.
    """

    data: bytes
    """Bytes that hold the span: the whole input, or a part of it."""

    low: int
    """Where the span begins in `data`."""

    high: int
    """Where the span ends in `data`."""

    origin: int = 0
    """Where `data` begins in the input."""

    @property
    def start(self) -> int:
        """Offset in the input of the first byte."""
        return self.origin + self.low

    @property
    def end(self) -> int:
        """Offset in the input after the last byte."""
        return self.origin + self.high

    @property
    def line(self) -> int:
        """Number of the first line, counted from 1 at the beginning of `data`."""
        return self.data.count(b"\n", 0, self.low) + 1

    def render(self) -> bytes:
        """Give the bytes as they stand in the input."""
        return self.data[self.low : self.high]

    def __len__(self) -> int:
        return self.high - self.low

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Span):
            return NotImplemented
        return len(self) == len(other) and self.render() == other.render()

    @override
    def __hash__(self) -> int:
        return hash(self.render())

    @override
    def __repr__(self) -> str:
        return f"Span(start={self.start}, end={self.end})"

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return _span_of, (self.render(), self.start)


def _span_of(data: bytes, origin: int) -> Span:
    return Span(data=data, low=0, high=len(data), origin=origin)


class Lazy[T](Sequence[T]):
    """An immutable sequence that makes its items when they are asked for.

    With `keep` an item is made once and lives as long as the sequence. A slice is a tuple.
    """

    __slots__ = ("_count", "_kept", "_make")

    def __init__(self, make: Callable[[int], T], count: int, *, keep: bool = False) -> None:
        self._make = make
        self._count = count
        self._kept: dict[int, T] | None = {} if keep else None

    @override
    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    @override
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(self._count)))
        place = range(self._count)[index]
        if self._kept is None:
            return self._make(place)
        if place not in self._kept:
            self._kept[place] = self._make(place)
        return self._kept[place]

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Lazy | tuple):
            return NotImplemented
        return len(self) == len(other) and all(
            mine == theirs for mine, theirs in zip(self, other, strict=True)
        )

    @override
    def __hash__(self) -> int:
        return hash(tuple(self))

    @override
    def __repr__(self) -> str:
        return f"<{self._count} lazy items>"

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (tuple(self),)
