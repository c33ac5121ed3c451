"""Types and values that a workflow's author may declare, for the tests of the codec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum, auto
from typing import Annotated, Any, Literal, NewType

from hypothesis import strategies as st


class Word(StrEnum):
    YES = "yes"
    NO = "no"
    AYE = "yes"


class Number(IntEnum):
    ONE = 1
    TWO = 2


class Odd(Enum):
    NONE = None
    PAIR = (1, 2)
    TEXT = "text"


class Right(Flag):
    READ = auto()
    WRITE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    name: str = "leaf"
    data: bytes = b""


@dataclass(frozen=True)
class Tree:
    """A value that contains values of its own class."""

    leaves: dict[Leaf, tuple[Tree, ...]]
    parent: Tree | None = None
    words: Mapping[Word, int] = field(default_factory=dict)
    seen: int = field(default=0, init=False, compare=False)


@dataclass(frozen=True, slots=True)
class Box[T]:
    """A value of any type."""

    inside: T
    more: tuple[T, ...] = ()


@dataclass(frozen=True, slots=True)
class Positive:
    number: int

    def __post_init__(self) -> None:
        if self.number <= 0:
            raise ValueError("a secret reason")


Name = NewType("Name", str)
type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
type Pair[T] = tuple[T, T]

SURROGATES = st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF)
TEXTS = st.text(st.characters() | SURROGATES | st.sampled_from('\0\n{}[]"\\'), max_size=8)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.builds(Leaf, name=TEXTS, data=st.binary(max_size=9))
SCALARS = st.none() | st.booleans() | st.integers() | FLOATS | TEXTS
PLAIN = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=9
)
TREES = st.recursive(
    st.builds(Tree, st.just({})),
    lambda inner: st.builds(
        Tree,
        st.dictionaries(LEAVES, st.lists(inner, max_size=2).map(tuple), max_size=2),
        st.none() | inner,
        st.dictionaries(st.sampled_from(Word), st.integers()),
    ),
    max_leaves=5,
)
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = (st.datetimes() | st.datetimes(timezones=OFFSETS | st.just(UTC))).map(
    lambda one: one.replace(fold=0)
)

KINDS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "nothing": (None, st.none()),
    "anything": (Any, PLAIN),
    "object": (object, PLAIN),
    "bare-list": (list, st.lists(PLAIN, max_size=3)),
    "bare-dict": (dict, st.dictionaries(SCALARS, PLAIN, max_size=3)),
    "bare-tuple": (tuple, st.lists(PLAIN, max_size=3).map(tuple)),
    "bool": (bool, st.booleans()),
    "int": (int, st.integers()),
    "float": (float, FLOATS | st.integers()),
    "text": (str, TEXTS),
    "bytes": (bytes, st.binary()),
    "decimal": (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    "datetime": (datetime, MOMENTS),
    "date": (date, st.dates()),
    "time": (time, st.times(timezones=st.none() | OFFSETS).map(lambda one: one.replace(fold=0))),
    "timedelta": (timedelta, st.timedeltas()),
    "words": (Word, st.sampled_from(Word)),
    "numbers": (Number, st.sampled_from(Number)),
    "odd-enum": (Odd, st.sampled_from(Odd)),
    "flags": (Right, st.sampled_from([Right.READ, Right.READ | Right.WRITE, Right(0)])),
    "list": (list[bytes], st.lists(st.binary())),
    "tuple": (tuple[int, str, bytes], st.tuples(st.integers(), TEXTS, st.binary())),
    "no-tuple": (tuple[()], st.just(())),
    "tuple-of-any-length": (tuple[str, ...], st.lists(TEXTS).map(tuple)),
    "set": (set[str], st.sets(TEXTS)),
    "frozenset": (frozenset[Leaf], st.frozensets(LEAVES, max_size=3)),
    "frozenset-of-pairs": (frozenset[tuple[str, str]], st.frozensets(st.tuples(TEXTS, TEXTS))),
    "sequence": (Sequence[int], st.lists(st.integers()) | st.lists(st.integers()).map(tuple)),
    "abstract-set": (AbstractSet[int], st.sets(st.integers()) | st.frozensets(st.integers())),
    "mapping": (Mapping[str, bytes] | None, st.none() | st.dictionaries(TEXTS, st.binary())),
    "keys-of-values": (dict[Leaf, Word], st.dictionaries(LEAVES, st.sampled_from(Word))),
    "keys-of-words": (dict[Word, int], st.dictionaries(st.sampled_from(Word), st.integers())),
    "keys-of-bytes": (dict[bytes, bytes], st.dictionaries(st.binary(), st.binary())),
    "mixed-keys": (dict[int | str, int], st.dictionaries(st.integers() | TEXTS, st.integers())),
    "optional": (Leaf | None, st.none() | LEAVES),
    "union": (
        int | str | bytes | Leaf | None,
        SCALARS.filter(lambda v: type(v) in {int, str}) | st.binary() | LEAVES | st.none(),
    ),
    "alike-in-a-union": (
        list[int] | list[bytes] | tuple[str, ...],
        st.lists(st.integers()) | st.lists(st.binary()) | st.lists(TEXTS).map(tuple),
    ),
    "anything-in-a-union": (bytes | Any, st.binary() | PLAIN),
    "literal": (Literal["a", 1, True] | None, st.sampled_from(["a", 1, True, None])),
    "new-type": (Name, TEXTS),
    "annotated": (Annotated[int, "seconds"], st.integers()),
    "alias": (Json, PLAIN),
    "generic-alias": (Pair[bytes], st.tuples(st.binary(), st.binary())),
    "dataclass": (Leaf, LEAVES),
    "recursive-dataclass": (Tree, TREES),
    "generic-dataclass": (
        Box[bytes],
        st.builds(Box, st.binary(), st.lists(st.binary()).map(tuple)),
    ),
    "open-dataclass": (Box, st.builds(Box, PLAIN, st.lists(PLAIN).map(tuple))),
}
"""For each kind of annotation the type, and values of it."""


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal, and of the same classes all the way down."""
    if type(one) is not type(other):
        return False
    if is_dataclass(one):
        return all(
            same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one) if f.init
        )
    if isinstance(one, Mapping):
        return same([*one.items()], [*other.items()])
    if isinstance(one, set | frozenset):
        return one == other and same(sorted(map(repr, one)), sorted(map(repr, other)))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
