"""Values to plain JSON data and back, checked at the edge by Pydantic."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_args

from codeflow_engine.errors import SerializationError
from codeflow_engine.reports.visible import escape

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

__all__ = ["explain", "from_plain", "to_plain"]

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ESCAPED_BYTES = range(0xDC80, 0xDD00)
"""How Python keeps a byte that is not UTF-8 (PEP 383)."""

_QUOTING = frozenset({"attribute", "encoding_error", "error", "tag"})
"""Parts of Pydantic's messages that can hold the value, or the words of foreign code."""

_MANY = 2000
"""Bits of a number that Python writes whatever it was told: 640 digits can always be had."""

_MAX_PLACES = 5
_MAX_PLACE = 60


def to_plain(value: Any) -> Any:
    r"""Turn a value of this package into what `json.dumps` takes.

    A decimal becomes a string, a time ISO 8601, an enum its value, a tuple a list. Bytes of
    a path that is not UTF-8 (kept as lone surrogates) are written as `\xff` escapes, since
    JSON in UTF-8 cannot hold them.

    Raises:
        SerializationError: Something in it has no JSON form, such as an infinite number, a
            time without a zone, or a key that is no text; or it is nested too deeply.
    """
    try:
        return _plain(value)
    except RecursionError:
        raise SerializationError("it is nested too deeply, or contains itself") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return _plain_text(value)
    if value is None or isinstance(value, bool | int):
        return value if value is None or value.bit_length() < _MANY else _plain_integer(value)
    if isinstance(value, float | Decimal):
        return _plain_number(value)
    if isinstance(value, datetime):
        return _plain_time(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {_plain_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise SerializationError(f"a value of type {type(value).__name__} has no JSON form")


def from_plain[T](kind: type[T], plain: Any) -> T:
    """Build a value of `kind` from plain JSON data; unknown keys are refused.

    Raises:
        SerializationError: The data does not have the form of `kind`. The message names
            the places and never quotes a value.
    """
    from pydantic import ValidationError

    known: Any = kind  # mypy takes no class for hashable
    try:
        built: T = _validator(known).validate_python(plain, extra="forbid")
    except ValidationError as error:
        name = getattr(kind, "__name__", str(kind))
        raise SerializationError(f"not a valid {name}: {explain(error)}") from None
    return built


@lru_cache(maxsize=256)
def _validator(kind: Any) -> TypeAdapter[Any]:
    """Build what checks values of a kind, once: that takes milliseconds."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def explain(error: ValidationError) -> str:
    """Name the places that Pydantic refused, and why, without quoting any value.

    What a check of a plugin's own type says is left out, since it may quote what it checked.
    """
    from pydantic_core.core_schema import ErrorType

    known = get_args(ErrorType)
    rows = error.errors(include_input=False, include_url=False)
    told = []
    for row in rows[:_MAX_PLACES]:
        quotes = row["type"] not in known or not _QUOTING.isdisjoint(row.get("ctx", ()))
        place = ".".join(escape(str(part))[:_MAX_PLACE] for part in row["loc"])
        reason = "the value is refused" if quotes else row["msg"]
        told.append(f"{place}: {reason}" if place else reason)
    more = len(rows) - _MAX_PLACES
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")


def _plain_integer(number: int) -> int:
    try:
        str(number)
    except ValueError:
        # Python writes no integer of over 4,300 digits (sys.set_int_max_str_digits).
        raise SerializationError("a number of too many digits has no JSON form") from None
    return number


def _plain_number(number: float | Decimal) -> float | str:
    finite = number.is_finite() if isinstance(number, Decimal) else math.isfinite(number)
    if not finite:
        raise SerializationError("a number that is not finite has no JSON form")
    return str(number) if isinstance(number, Decimal) else number


def _plain_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return _LONE_SURROGATE.sub(_escape_surrogate, text)
    return str(text)


def _escape_surrogate(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code - 0xDC00:02x}" if code in _ESCAPED_BYTES else f"\\u{code:04x}"


def _plain_key(key: Any) -> str:
    plain = _plain(key)
    if not isinstance(plain, str):
        raise SerializationError(f"a key of type {type(key).__name__} has no JSON form")
    return plain


def _plain_time(time: datetime) -> str:
    offset = time.utcoffset()
    if offset is None:
        raise SerializationError("a time without a zone has no JSON form")
    # RFC 3339 has no seconds in an offset, and before 1972 some zones had.
    return (time.astimezone(UTC) if offset.total_seconds() % 60 else time).isoformat()
