"""What is told of the input of a run in lists of runs: plain JSON data, in short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from codeflow_engine.domain.diff import Diff
from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.errors import SerializationError

__all__ = ["tell"]


def tell(value: Any) -> Any:
    """Tell of a value that the codec takes, as plain JSON data.

    Bytes and patches are told by their size, sets in order; what JSON has no form for is told
    as a text.

    Raises:
        SerializationError: It is nested too deeply, or the codec does not take it either.
    """
    try:
        return _told(value)
    except RecursionError:
        raise SerializationError("it is nested too deeply, or contains itself") from None


def _told(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Diff):
        return f"a patch of {len(value.data)} bytes"
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _told(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): _told(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_told(part) for part in value]
    if isinstance(value, set | frozenset):
        return sorted(map(_told, value), key=repr)
    if isinstance(value, timedelta) or (isinstance(value, datetime) and value.tzinfo is None):
        return str(value)
    if isinstance(value, date | time) and not isinstance(value, datetime):
        return value.isoformat()
    return to_plain(value)


def _key(key: Any) -> str:
    told = _told(key)
    return told if isinstance(told, str) else str(told)
