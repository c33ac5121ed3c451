"""Tells whether a value that foreign code made holds what its class declares."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Final

__all__ = ["is_sound"]

type _Check = Callable[[Any], bool]

_NUMBER: Final = (int, float)

_BUILTIN: Final = (tuple, list, dict, set, frozenset)

_EXACT: Final = (int, str, bytes)
"""Classes whose subclasses have state or behaviour that nothing which is kept would have."""


def is_sound(value: object) -> bool:
    """Tell whether every field of a dataclass holds what is declared, all the way down.

    Python checks no annotation, and a copy comes by no constructor. A value with a number
    where a text belongs is found out far from whoever made it, or not at all. Subclasses of
    plain types and of dataclasses inside of it are not what is declared: they would come
    back from a storage as something else.
    """
    return is_dataclass(value) and not isinstance(value, type) and _check_of(type(value))(value)


@cache
def _check_of(kind: Any) -> _Check:
    """Make the check of an annotation; one that says nothing more is met by any value."""
    if isinstance(kind, typing.TypeAliasType):
        return _check_of(kind.__value__)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return _union_check(arguments)
    if origin is tuple:
        return _tuple_check(arguments)
    if isinstance(origin, type):
        return _collection_check(origin, arguments)
    if kind is Any or not isinstance(kind, type):  # `Any` is a class, and checks nothing
        return lambda _: True
    if is_dataclass(kind):
        return _dataclass_check(kind)
    if kind is float:
        return lambda value: type(value) in _NUMBER
    if kind in _EXACT:
        return lambda value: type(value) is kind
    return lambda value: isinstance(value, kind)


def _dataclass_check(kind: type) -> _Check:
    hints = typing.get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    checks = [(name, _check_of(hints[name])) for name in names]
    validate = getattr(kind, "__post_init__", None)

    def is_made(value: Any) -> bool:
        if type(value) is not kind:
            return False
        for name, check in checks:
            if not check(getattr(value, name)):
                return False
        try:
            return validate is None or validate(value) is None
        except ValueError:
            return False

    return is_made


def _union_check(arguments: tuple[Any, ...]) -> _Check:
    checks = tuple(_check_of(one) for one in arguments)
    if len(checks) == 2 and arguments[1] is types.NoneType:  # noqa: PLR2004 - `X | None`
        check = checks[0]
        return lambda value: value is None or check(value)
    return lambda value: any(check(value) for check in checks)


def _tuple_check(arguments: tuple[Any, ...]) -> _Check:
    if len(arguments) == 2 and arguments[1] is Ellipsis:  # noqa: PLR2004 - `tuple[X, ...]`
        return _collection_check(tuple, arguments[:1])
    checks = tuple(_check_of(one) for one in arguments)
    return lambda value: (
        type(value) is tuple
        and len(value) == len(checks)
        and all(check(one) for check, one in zip(checks, value, strict=True))
    )


def _collection_check(origin: type, arguments: tuple[Any, ...]) -> _Check:
    parts = tuple(map(_check_of, arguments))

    def has_sound_parts(value: Any) -> bool:
        if issubclass(origin, Mapping) and len(parts) == 2:  # noqa: PLR2004 - key and value
            return all(parts[0](key) and parts[1](item) for key, item in value.items())
        return len(parts) != 1 or all(map(parts[0], value))

    if origin in _BUILTIN:
        return lambda value: type(value) is origin and has_sound_parts(value)
    return lambda value: isinstance(value, origin) and has_sound_parts(value)
