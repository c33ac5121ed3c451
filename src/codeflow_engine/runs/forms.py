"""Makes the form of a type out of its annotation, once for each."""

from __future__ import annotations

import types
import typing
from collections.abc import (
    Collection,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
)
from collections.abc import Set as AbstractSet
from dataclasses import InitVar, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from types import NoneType
from typing import Any, Final, Literal, NewType, TypeAliasType, TypeVar, get_args, get_origin

from codeflow_engine.errors import SerializationError
from codeflow_engine.runs.composites import (
    fill_collection,
    fill_dataclass,
    fill_literal,
    fill_mapping,
    fill_optional,
    fill_record,
    fill_union,
)
from codeflow_engine.runs.leaves import LEAVES, PLAIN, Form, fill_enum

__all__ = ["form_of"]

_UNIONS: Final = frozenset({typing.Union, types.UnionType})
_MAPPINGS: Final = frozenset({dict, Mapping, MutableMapping})
_COLLECTIONS: Final[Mapping[Any, tuple[type, ...]]] = {
    list: (list,),
    set: (set,),
    frozenset: (frozenset,),
    Sequence: (tuple, list),
    MutableSequence: (list,),
    AbstractSet: (frozenset, set),
    MutableSet: (set,),
}
"""Collections of parts of one type, and the classes that their values may have."""

_NEVER: Final = (typing.Never, typing.NoReturn)


def form_of(kind: Any) -> Form:
    """Give the form of a type.

    Raises:
        SerializationError: Something in it has no form; names it.
    """
    try:
        return _form_of(kind)
    except TypeError:
        raise SerializationError(f"{_name(kind)} has no form, since it has no hash") from None
    except RecursionError:
        raise SerializationError(f"{_name(kind)} contains nothing but itself") from None


@lru_cache(maxsize=4096)
def _form_of(kind: Any) -> Form:
    return _Builder().form(kind)


class _Builder:
    """Makes forms; one that is begun stands for itself where a type contains itself."""

    def __init__(self) -> None:
        self.begun: dict[Any, Form] = {}

    def form(self, kind: Any) -> Form:
        kind = _bare(kind)
        known = LEAVES.get(kind) or self.begun.get(kind)
        if known is not None:
            return known
        if kind is Any or kind is object or isinstance(kind, TypeVar):
            return PLAIN
        if kind in _NEVER:
            return LEAVES[NoneType]
        form = self.begun[kind] = Form()
        self._fill(form, kind)
        return form

    def _fill(self, form: Form, kind: Any) -> None:
        origin, arguments = get_origin(kind) or kind, get_args(kind)
        if origin in _UNIONS:
            self._fill_union(form, kind)
        elif origin is Literal:
            classes = tuple({type(value) for value in arguments})
            fill_literal(form, arguments, self.form(typing.Union[classes]))  # noqa: UP007 - of a tuple
        elif origin is tuple:
            self._fill_tuple(form, arguments or (Any, ...))
        elif origin in _MAPPINGS:
            keys, parts = arguments or (Any, Any)
            fill_mapping(form, self.form(keys), self.form(parts))
        elif origin in _COLLECTIONS:
            (part,) = arguments or (Any,)
            fill_collection(form, _COLLECTIONS[origin], self.form(part))
        else:
            self._fill_class(form, origin, arguments)

    def _fill_tuple(self, form: Form, arguments: tuple[Any, ...]) -> None:
        if arguments[-1:] == (Ellipsis,):
            fill_collection(form, (tuple,), self.form(arguments[0]))
        else:
            fill_record(form, tuple(map(self.form, arguments)))

    def _fill_union(self, form: Form, kind: Any) -> None:
        members = dict.fromkeys(_members(kind))
        optional = NoneType in members
        kinds = [one for one in members if one is not NoneType]
        if len(kinds) == 1:
            fill_optional(form, self.form(kinds[0]))
            return
        told = [_name(one) for one in kinds]
        if len({*told}) < len(told):
            told = [f"{getattr(one, '__module__', '')}.{_name(one)}" for one in kinds]
        inner = Form() if optional else form
        each = zip(told, map(_classes, kinds), map(self.form, kinds), strict=True)
        fill_union(inner, each, _name(kind))
        if optional:
            fill_optional(form, inner)

    def _fill_class(self, form: Form, kind: Any, arguments: tuple[Any, ...]) -> None:
        if isinstance(kind, type) and is_dataclass(kind):
            hints = _hints(kind)
            bound = dict(zip(getattr(kind, "__parameters__", ()), arguments, strict=False))
            names = [field.name for field in fields(kind) if field.init]
            parts = {name: self.form(_bind(hints[name], bound)) for name in names}
            fill_dataclass(form, kind, parts)
        elif isinstance(kind, type) and issubclass(kind, Enum):
            fill_enum(form, kind)
        else:
            raise SerializationError(
                f"{_name(kind)} has no form; those that have one are dataclasses, enumerations, "
                "plain data, bytes, times, decimals, and collections of these"
            )


def _hints(kind: type) -> dict[str, Any]:
    """Resolve the annotations of a dataclass that can be made from its fields."""
    name = kind.__qualname__
    if not kind.__dataclass_params__.init:  # type: ignore[attr-defined] # every dataclass has it
        raise SerializationError(f"{name} has no form: it cannot be made from its fields")
    for field in fields(kind):
        if not field.init and field.compare:
            raise SerializationError(
                f"{name} has no form: its {field.name} is compared, and not given to __init__"
            )
    # Python 3.12 looks for the variables of a generic class in its module alone.
    variables = {one.__name__: one for one in getattr(kind, "__type_params__", ())}
    try:
        hints = typing.get_type_hints(
            kind, localns={**vars(kind), **variables} if variables else None
        )
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise SerializationError(
            f"{name} has no form: its annotations cannot be resolved where it is defined "
            f"({type(error).__name__})"
        ) from None
    if any(isinstance(hint, InitVar) for hint in hints.values()):
        raise SerializationError(f"{name} has no form: what it is made from is not all kept")
    return hints


def _bare(kind: Any) -> Any:
    """Take names and remarks off a type, down to what its values are."""
    while True:
        origin = get_origin(kind)
        if isinstance(kind, TypeAliasType):
            kind = kind.__value__
        elif isinstance(origin, TypeAliasType):
            bound = dict(zip(origin.__type_params__, get_args(kind), strict=False))
            kind = _bind(origin.__value__, bound)
        elif isinstance(kind, NewType):
            kind = kind.__supertype__
        elif origin is typing.Annotated:
            kind = get_args(kind)[0]
        else:
            return NoneType if kind is None else kind


def _bind(kind: Any, bound: Mapping[Any, Any]) -> Any:
    """Put types in the place of the variables of a generic one."""
    if isinstance(kind, TypeVar):
        return bound.get(kind, Any)
    inner = getattr(kind, "__parameters__", ())
    if not bound or not inner or isinstance(kind, type):
        return kind
    return kind[tuple(bound.get(one, Any) for one in inner)]


def _members(kind: Any) -> Iterator[Any]:
    """Give the members of a union, and of those within it."""
    bare = _bare(kind)
    if get_origin(bare) in _UNIONS:
        for one in get_args(bare):
            yield from _members(one)
    else:
        yield bare


def _classes(kind: Any) -> Collection[type] | None:
    """List the classes that values of a type may have; None for any."""
    origin: Any = get_origin(kind) or kind
    if origin is Any or origin is object or isinstance(origin, TypeVar):
        return None
    if origin is float:
        return (float, int)
    if origin is Literal:
        return {type(value) for value in get_args(kind)}
    if origin in _MAPPINGS:
        return (dict,)
    classes: Collection[type] = _COLLECTIONS.get(origin, (origin,))
    return classes


def _name(kind: Any) -> str:
    """Name a type, equally for equal ones."""
    if isinstance(kind, TypeAliasType | NewType):
        return kind.__name__
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in _UNIONS:
        return " | ".join(sorted(map(_name, arguments)))
    if origin is Literal:
        return f"Literal[{', '.join(sorted(map(repr, arguments)))}]"
    if kind is Ellipsis:
        return "..."
    if arguments:
        return f"{_name(origin)}[{', '.join(map(_name, arguments))}]"
    if kind is NoneType:
        return "None"
    return getattr(kind, "__qualname__", None) or str(kind)
