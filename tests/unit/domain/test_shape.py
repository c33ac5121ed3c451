from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest

from codeflow_engine.domain.shape import is_sound


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    number: int = 1

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("no leaf is negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    name: str = "oak"
    colour: Colour = Colour.RED
    height: float = 1.5
    alive: bool = True
    note: str | None = None
    leaves: tuple[Leaf, ...] = (Leaf(),)
    pair: tuple[int, str] = (1, "a")
    tags: frozenset[str] = frozenset({"a"})
    counts: Mapping[str, int] = field(default_factory=lambda: {"a": 1})
    anything: Any = None


def altered(name: str, value: object) -> Tree:
    """Make a tree by no constructor."""
    made = copy.copy(Tree())
    object.__setattr__(made, name, value)
    return made


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("height", 2),
        ("note", "text"),
        ("leaves", ()),
        ("tags", frozenset()),
        ("counts", {}),
        ("anything", object()),
    ],
)
def test_a_value_of_its_declared_types_is_sound(name: str, value: object) -> None:
    """Empty collections, optional fields and whole numbers for fractions are as declared."""
    assert is_sound(altered(name, value))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", 5),
        ("name", None),
        ("colour", "blue"),
        ("height", True),
        ("height", "1.5"),
        ("alive", 1),
        ("note", 5),
        ("leaves", [Leaf()]),
        ("leaves", (Leaf(), "leaf")),
        ("leaves", None),
        ("pair", (1,)),
        ("pair", (1, 2)),
        ("tags", {"a"}),
        ("tags", frozenset({1})),
        ("counts", {"a": "1"}),
        ("counts", {1: 1}),
        ("counts", {"a": True}),
    ],
)
def test_a_value_of_another_type_is_found_at_any_depth(name: str, value: object) -> None:
    """A field, a member of a collection, a key or a value of a mapping."""
    assert not is_sound(altered(name, value))


def test_what_a_constructor_would_refuse_is_not_sound() -> None:
    """A copy with other fields has passed by no constructor."""
    leaf = Leaf()
    object.__setattr__(leaf, "number", -1)

    assert not is_sound(leaf)
    assert not is_sound(altered("leaves", (leaf,)))


@pytest.mark.parametrize("value", [None, 42, "text", Tree, (Tree(),)], ids=repr)
def test_what_is_no_value_of_a_dataclass_is_not_sound(value: object) -> None:
    """Nor is the class itself."""
    assert not is_sound(value)


class Said(str):
    """A text with something more, as a parser of XML gives it."""

    __slots__ = ()


@pytest.mark.parametrize("name", ["name", "note", "pair", "tags", "counts"])
def test_subclasses_of_plain_types_are_not_what_is_declared(name: str) -> None:
    """What comes back from a journal would be another value."""
    said = Said("x")
    values = {"pair": (1, said), "tags": frozenset({said}), "counts": {said: 1}}
    assert not is_sound(altered(name, values.get(name, said)))
