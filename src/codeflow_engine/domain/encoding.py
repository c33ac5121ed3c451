"""Values to plain JSON data and back, checked at the edge by Pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from codeflow_engine.errors import SerializationError

__all__ = ["from_plain", "to_plain"]


def to_plain(value: Any) -> Any:
    r"""Turn a value of this package into what `json.dumps` takes.

    A decimal becomes a string, a time ISO 8601, an enum its value, a tuple a list. Bytes of
    a path that is not UTF-8 (kept as lone surrogates) are written as `\xff` escapes, since
    JSON in UTF-8 cannot hold them.
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {to_plain(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    raise SerializationError(f"a value of type {type(value).__name__} has no JSON form")


def from_plain[T](kind: type[T], plain: Any) -> T:
    """Build a value of `kind` from plain JSON data; unknown keys are refused.

    Raises:
        SerializationError: The data does not have the form of `kind`. The message names
            the places and never quotes a value.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(plain, extra="forbid")
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(str(part) for part in row['loc'])}: {row['msg']}"
            for row in error.errors(include_input=False, include_url=False)[:5]
        )
        raise SerializationError(f"not a valid {kind.__name__}: {places}") from None
