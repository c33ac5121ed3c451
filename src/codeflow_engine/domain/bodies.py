"""Values as JSON text and back, equal to what they were, and checked on the way back.

This is how a storage keeps the values that it is handed: runs, reviews, events, known
findings and dismissals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from json.encoder import encode_basestring_ascii
from math import isfinite
from operator import attrgetter
from typing import Any

from codeflow_engine.domain.encoding import from_plain, to_plain
from codeflow_engine.errors import SerializationError, StorageError

__all__ = ["Stored", "decode", "encode"]

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")

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
        return _written(value)
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


def _written(value: Any) -> str:
    """Write a value; refuse what JSON would turn into something else without a word.

    The encoder of `json` would need a copy of everything in plain data first: an event of a
    run takes less than half of the time like this.
    """
    kind: Any = type(value)
    write = _LEAVES.get(kind)
    if write is not None:
        return write(value)
    form = _form_of(kind)
    if form is not None:
        text, parts_of = form
        return text % tuple(map(_written, parts_of(value)))
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_written, value))}]"
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise SerializationError("a key that is no text has no JSON form")
        pairs = (f"{_quoted(key)}:{_written(part)}" for key, part in value.items())
        return f"{{{','.join(pairs)}}}"
    return _ENCODER.encode(to_plain(value))


def _quoted(text: str) -> str:
    if not text.isascii() and _PAIR.search(text):
        raise SerializationError("two halves of a character have no JSON form")
    return encode_basestring_ascii(text)


def _number(number: float) -> str:
    if not isfinite(number):
        raise SerializationError("a number that is not finite has no JSON form")
    return float.__repr__(number)


def _time(time: datetime) -> str:
    # In this package every moment is in UTC, but for those that somebody else has made.
    return f'"{time.isoformat()}"' if time.tzinfo is UTC else f'"{to_plain(time)}"'


_LEAVES: Mapping[type, Callable[[Any], str]] = {
    str: _quoted,
    int: int.__repr__,
    bool: lambda value: "true" if value else "false",
    float: _number,
    type(None): lambda _: "null",
    datetime: _time,
}


@cache
def _form_of(kind: Any) -> tuple[str, Callable[[Any], tuple[Any, ...]]] | None:
    """Give a template for the fields of a dataclass, and what takes them out of a value.

    None for any other class.
    """
    if not is_dataclass(kind):
        return None
    names = [field.name for field in fields(kind)]
    text = ",".join(f'"{name}":%s' for name in names)
    if len(names) > 1:
        return f"{{{text}}}", attrgetter(*names)
    return f"{{{text}}}", lambda value: tuple(getattr(value, name) for name in names)
