"""Forms of values that consist of others: collections, unions, dataclasses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any, Final

from codeflow_engine.errors import CodeflowError, SerializationError
from codeflow_engine.runs.leaves import Form, Tail, damaged, mismatch

__all__ = [
    "Member",
    "fill_collection",
    "fill_dataclass",
    "fill_literal",
    "fill_mapping",
    "fill_optional",
    "fill_record",
    "fill_union",
]

type Member = tuple[str, Collection[type] | None, Form]
"""One of several types: its name, the classes of its values (None for any), and its form."""

_PAIR: Final = 2
_TOLD: Final = 200
"""Characters of a message from where on no more places are put before it."""

_REFUSALS: Final = (
    *(CodeflowError, ValueError, TypeError),
    *(LookupError, ArithmeticError, AttributeError),
)
"""What the checks of a dataclass raise about values that they don't take."""


def fill_collection(form: Form, classes: tuple[type, ...], part: Form) -> None:
    """Complete the form of a collection whose parts are all of one type.

    Args:
        form: What is completed.
        classes: Of the values; where there are several, each value carries the name of its own.
        part: Form of the parts.
    """
    named = {one.__name__: one for one in classes}
    declared = " or ".join(named)

    def write(value: Any, blobs: list[bytes]) -> Any:
        if type(value) not in classes:
            raise mismatch(value, declared)
        items = [part.write(one, blobs) for one in value]
        return items if len(classes) == 1 else [type(value).__name__, items]

    def read(plain: Any, tail: Tail) -> Any:
        made: Any = classes[0]
        if len(classes) > 1:
            name, plain = _pair(plain, declared)
            made = named.get(name) if type(name) is str else None
        if type(plain) is not list or made is None:
            raise damaged(declared)
        try:
            items = made(part.read(one, tail) for one in plain)
        except TypeError:  # a part that has no hash
            raise damaged(declared) from None
        if len(items) != len(plain):
            raise damaged(declared)
        return items

    form.fill(write, read)


def fill_record(form: Form, parts: tuple[Form, ...]) -> None:
    """Complete the form of a tuple of fixed length."""
    declared = f"a tuple of {len(parts)}"

    def write(value: Any, blobs: list[bytes]) -> Any:
        if type(value) is not tuple or len(value) != len(parts):
            raise mismatch(value, declared)
        return [part.write(one, blobs) for part, one in zip(parts, value, strict=True)]

    def read(plain: Any, tail: Tail) -> Any:
        if type(plain) is not list or len(plain) != len(parts):
            raise damaged(declared)
        return tuple(part.read(one, tail) for part, one in zip(parts, plain, strict=True))

    form.fill(write, read)


def fill_mapping(form: Form, keys: Form, parts: Form) -> None:
    """Complete the form of a dict: an object where all keys are texts in JSON, else pairs."""

    def write(value: Any, blobs: list[bytes]) -> Any:
        if type(value) is not dict:
            raise mismatch(value, "dict")
        pairs = [(keys.write(k, blobs), parts.write(v, blobs)) for k, v in value.items()]
        if keys.is_textual and all(type(key) is str for key, _ in pairs):
            return dict(pairs)
        return pairs

    def read(plain: Any, tail: Tail) -> Any:
        if type(plain) is dict and keys.is_textual:
            pairs: Collection[Any] = plain.items()
        elif type(plain) is list:
            pairs = [_pair(one, "dict") for one in plain]
        else:
            raise damaged("dict")
        try:
            made = {keys.read(k, tail): parts.read(v, tail) for k, v in pairs}
        except TypeError:  # a key that has no hash
            raise damaged("dict") from None
        if len(made) != len(pairs):
            raise damaged("dict")
        return made

    form.fill(write, read)


def fill_optional(form: Form, part: Form) -> None:
    """Complete the form of `X | None`."""

    def write(value: Any, blobs: list[bytes]) -> Any:
        return None if value is None else part.write(value, blobs)

    def read(plain: Any, tail: Tail) -> Any:
        return None if plain is None else part.read(plain, tail)

    form.fill(write, read)


def fill_union(form: Form, members: Iterable[Member], declared: str) -> None:
    """Complete the form of a union: each value carries the name of its member.

    A position would not do, since `int | str` equals `str | int`.
    """
    known: dict[str, Form] = {}
    table: dict[type, list[tuple[str, Form]]] = {}
    others: list[tuple[str, Form]] = []
    for name, classes, part in members:
        known[name] = part
        if classes is None:
            others.append((name, part))
        for one in classes or ():
            table.setdefault(one, []).append((name, part))

    def write(value: Any, blobs: list[bytes]) -> Any:
        candidates = [*table.get(type(value), ()), *others]
        if not candidates:
            raise mismatch(value, declared)
        *first, (last, part) = candidates
        begin = len(blobs)
        for name, one in first:
            try:
                return [name, one.write(value, blobs)]
            except SerializationError:
                del blobs[begin:]
        return [last, part.write(value, blobs)]

    def read(plain: Any, tail: Tail) -> Any:
        name, inner = _pair(plain, declared)
        if type(name) is not str or name not in known:
            raise damaged(declared)
        return known[name].read(inner, tail)

    form.fill(write, read)


def fill_literal(form: Form, values: Iterable[Any], part: Form) -> None:
    """Complete the form of a type that lists its values."""
    listed = {(type(value), value) for value in values}
    classes = {kind for kind, _ in listed}

    def write(value: Any, blobs: list[bytes]) -> Any:
        if type(value) not in classes or (type(value), value) not in listed:
            raise mismatch(value, "one of the values of a Literal")
        return part.write(value, blobs)

    def read(plain: Any, tail: Tail) -> Any:
        value = part.read(plain, tail)
        if (type(value), value) not in listed:
            raise damaged("Literal")
        return value

    form.fill(write, read)


def fill_dataclass(form: Form, kind: Any, parts: Mapping[str, Form]) -> None:
    """Complete the form of a dataclass that is made from its fields.

    Args:
        form: What is completed.
        kind: The class.
        parts: Form of each field that its constructor takes.
    """
    listed = tuple(parts.items())
    declared = kind.__name__
    needed = {
        field.name
        for field in fields(kind)
        if field.name in parts and field.default is field.default_factory is MISSING
    }

    def write(value: Any, blobs: list[bytes]) -> Any:
        if type(value) is not kind:
            raise mismatch(value, declared)
        plain = {}
        name = ""
        try:
            for name, part in listed:
                plain[name] = part.write(getattr(value, name), blobs)
        except (SerializationError, AttributeError) as error:
            raise _placed(f"{declared}.{name}", error) from None
        return plain

    def read(plain: Any, tail: Tail) -> Any:
        if type(plain) is not dict or not parts.keys() >= plain.keys() >= needed:
            raise damaged(declared)
        values = {}
        name = ""
        try:
            # In the order in which they were written: so lie their bytes.
            for name, part in plain.items():
                values[name] = parts[name].read(part, tail)
        except SerializationError as error:
            raise _placed(f"{declared}.{name}", error) from None
        return _made(kind, values)

    form.fill(write, read)


def _made(kind: Any, values: dict[str, Any]) -> Any:
    try:
        return kind(**values)
    except _REFUSALS:
        raise damaged(kind.__name__) from None


def _pair(plain: Any, declared: str) -> tuple[Any, Any]:
    if type(plain) is not list or len(plain) != _PAIR:
        raise damaged(declared)
    return plain[0], plain[1]


def _placed(place: str, error: Exception) -> SerializationError:
    if not isinstance(error, SerializationError):
        return SerializationError(f"{place} has no value")
    told = error.message
    return error if len(told) > _TOLD else SerializationError(f"{place}: {told}")
