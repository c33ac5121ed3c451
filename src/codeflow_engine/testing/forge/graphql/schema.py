"""What may be asked: types with their fields, arguments and inputs, and how each is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["SCALARS", "FieldOf", "Schema", "Stop", "TypeOf", "Typed", "bare"]

SCALARS = frozenset(
    {"BigInt", "Boolean", "DateTime", "Float", "GitObjectID", "ID", "Int", "String", "URI"}
)

type _Find = Callable[[Any, Mapping[str, Any]], Any]
"""Gives the value of a field, of what it is a field of and the arguments."""


class Stop(Exception):  # noqa: N818 - it is an answer, not a fault of the forge
    """Ends a field with an error in the answer: the field is null, the rest stands.

    Args:
        kind: What the API writes as `type`: `NOT_FOUND`, `FORBIDDEN`, `UNPROCESSABLE`.
        message: What it says.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(frozen=True, slots=True)
class FieldOf:
    """A field of a type.

    Without `find` the value is that of the same name in the mapping it is a field of.
    """

    type: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    find: _Find | None = None
    paged: bool = False
    """Whether it is a connection, which needs `first` or `last`, 100 at most."""


@dataclass(frozen=True, slots=True)
class TypeOf:
    """A type with its fields, and the interfaces or unions it belongs to."""

    fields: Mapping[str, FieldOf]
    belongs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Typed:
    """A value of an interface, with the object that it is."""

    type: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """All types by name: objects and interfaces, inputs, and enumerations."""

    types: Mapping[str, TypeOf]
    inputs: Mapping[str, Mapping[str, str]]
    enums: Mapping[str, frozenset[str]]

    def is_leaf(self, name: str) -> bool:
        """Tell whether a type has no fields to choose from."""
        return name in SCALARS or name in self.enums

    def may_be(self, one: str, other: str) -> bool:
        """Tell whether a value of one type can be of the other, too."""
        if one == other:
            return True
        first = self.types[one].belongs if one in self.types else frozenset()
        second = self.types[other].belongs if other in self.types else frozenset()
        return other in first or one in second


def bare(kind: str) -> str:
    """Give the name in a type without its marks: `[Thread!]!` is `Thread`."""
    return kind.strip("[]!")
