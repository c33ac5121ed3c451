"""Values as JSON text and back, equal to what they were, and checked on the way back.

This is how a storage keeps the values that it is handed: runs, reviews, events, known
findings and dismissals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from codeflow_engine.domain.encoding import from_plain, to_plain
from codeflow_engine.errors import SerializationError, StorageError

__all__ = ["Stored", "decode", "encode"]

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")

_AS_THEY_ARE = frozenset({bool, int, float, type(None)})
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))

type Stored = tuple[str, str]
"""What a row is called in an error, and its body."""


def encode(name: str, value: Any) -> str:
    r"""Write a value of this package as JSON in ASCII.

    Unlike the public form of a review it keeps lone surrogates (bytes of a path that is not
    UTF-8) as JSON's `\ud800` escapes: this text comes back to Python alone.

    Args:
        name: What the row is called in an error, such as `run 'r1'`.
        value: A frozen dataclass of `codeflow_engine.domain`.

    Raises:
        StorageError: Something in it has no JSON form; names the row.
    """
    try:
        return _ENCODER.encode(_plain(value))
    except (ValueError, RecursionError, TypeError) as error:
        reason = error.message if isinstance(error, SerializationError) else "no JSON form"
        raise StorageError(f"{name} cannot be stored: {reason}") from None


def decode[T](
    kind: type[T], rows: Sequence[Stored], over: Sequence[Mapping[str, Any]] = ()
) -> list[T]:
    """Read values of one kind, in the order of the rows.

    Args:
        kind: The class of all of them, such as `Review`; for events see
            `codeflow_engine.domain.run.EVENT_KINDS`.
        rows: For each its name in an error, and what `encode` gave.
        over: For each the fields whose values stand elsewhere, which count instead of those
            in the body; nothing where there are none.

    Raises:
        StorageError: A body is not what this version writes; names the row.
    """
    if not rows:
        # Without the import of Pydantic, which an empty answer does not need.
        return []
    plain = [_parse(name, body) for name, body in rows]
    for one, fields_of_one in zip(plain, over, strict=bool(over)):
        if isinstance(one, dict):
            one.update(fields_of_one)
    try:
        # One call for all, which is several times as fast as one for each.
        return from_plain(list[kind], plain)  # type: ignore[valid-type] # mypy knows no such variable
    except SerializationError:
        return [_checked(kind, name, one) for (name, _), one in zip(rows, plain, strict=True)]


def _parse(name: str, body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError, TypeError):
        raise StorageError(f"{name} is damaged: its body is no JSON") from None


def _checked[T](kind: type[T], name: str, plain: Any) -> T:
    try:
        return from_plain(kind, plain)
    except SerializationError as error:
        raise StorageError(
            f"{name} is damaged, or written by another version: {error.message}"
        ) from None


def _plain(value: Any) -> Any:
    """Give what JSON holds; refuse what it would turn into something else without a word."""
    kind: Any = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if isinstance(value, str):
        if not value.isascii() and _PAIR.search(value):
            raise SerializationError("two halves of a character have no JSON form")
        return value
    names = _fields_of(kind)
    if names is not None:
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise SerializationError("a key that is no text has no JSON form")
        return {_plain(key): _plain(part) for key, part in value.items()}
    return to_plain(value)


@cache
def _fields_of(kind: Any) -> tuple[str, ...] | None:
    """List the fields of a dataclass; None for any other class."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else None
