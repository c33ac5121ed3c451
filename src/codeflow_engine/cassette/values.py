"""Values in the form of a cassette: without secrets, and back as what they were.

A recorded run is handed the value that a replay will read, not the one that the backend gave:
so both see the same, whatever was taken out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, override

from codeflow_engine.errors import SerializationError
from codeflow_engine.redaction import Redactor
from codeflow_engine.runs.forms import form_of
from codeflow_engine.runs.leaves import Tail, damaged

__all__ = ["Kept", "keep", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A value without secrets, and how it is written."""

    value: Any
    plain: Any
    parts: tuple[bytes, ...]


class _Parts(Tail):
    """The bytes of a value, each on its own: redaction has changed their lengths."""

    def __init__(self, parts: tuple[bytes, ...]) -> None:
        super().__init__(memoryview(b""))
        self._parts = iter(parts)
        self._left = len(parts)

    @property
    @override
    def is_empty(self) -> bool:
        return self._left == 0

    @override
    def take(self, count: Any) -> bytes:
        if type(count) is not int or self._left == 0:
            raise damaged("bytes")
        self._left -= 1
        return next(self._parts)


def keep(value: Any, kind: Any, redactor: Redactor) -> Kept:
    """Take the secrets out of a value.

    Args:
        value: Stays as it is; given again where it has none.
        kind: Its type, as an annotation.
        redactor: Knows the secrets.

    Raises:
        SerializationError: It has no form, or has one no more without its secrets.
    """
    parts: list[bytes] = []
    plain = form_of(kind).write(value, parts)
    shown = redactor.scrub(plain)
    safe = tuple(redactor.scrub(part) for part in parts)
    if shown == plain and safe == tuple(parts):
        return Kept(value=value, plain=plain, parts=safe)
    shown = json.loads(json.dumps(shown))
    return Kept(value=read(kind, shown, safe), plain=shown, parts=safe)


def read(kind: Any, plain: Any, parts: tuple[bytes, ...]) -> Any:
    """Make a value again.

    Raises:
        SerializationError: The data is not of its form.
    """
    tail = _Parts(parts)
    try:
        value = form_of(kind).read(plain, tail)
    except (ValueError, RecursionError):
        raise damaged(getattr(kind, "__name__", str(kind))) from None
    if not tail.is_empty:
        raise SerializationError("more bytes than the value has")
    return value
