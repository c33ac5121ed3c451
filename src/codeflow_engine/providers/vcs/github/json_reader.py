"""JSON in steps: no step holds the interpreter for long.

`json.loads` holds it for the whole text, 105 ms for 19 MB, and the event loop with it, whichever
thread it runs in. Here the outer levels of a large text are read in Python, where threads can
change, and only small values by the decoder at once.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

__all__ = ["parse"]

_AT_ONCE: Final = 256 * 1024
"""Characters that are read in one step."""

_LEVELS: Final = 2
"""Levels of arrays and objects that are read in Python: the list of an answer, or of its field."""

_BLANK: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder()


def parse(text: str) -> Any:
    """Read a whole text.

    Raises:
        json.JSONDecodeError: It is no JSON.
    """
    if len(text) <= _AT_ONCE:
        return json.loads(text)
    value, end = _value(text, _blank(text, 0), _LEVELS)
    if _blank(text, end) != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def _value(text: str, at: int, levels: int) -> tuple[Any, int]:
    if levels and text[at : at + 1] == "[":
        return _array(text, at + 1, levels - 1)
    if levels and text[at : at + 1] == "{":
        return _object(text, at + 1, levels - 1)
    return _DECODER.raw_decode(text, at)


def _array(text: str, at: int, levels: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    at = _blank(text, at)
    if text[at : at + 1] == "]":
        return found, at + 1
    while True:
        value, at = _value(text, at, levels)
        found.append(value)
        at, is_last = _next(text, at, "]")
        if is_last:
            return found, at


def _object(text: str, at: int, levels: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    at = _blank(text, at)
    if text[at : at + 1] == "}":
        return found, at + 1
    while True:
        if text[at : at + 1] != '"':
            raise json.JSONDecodeError("Expecting a name", text, at)
        name, at = _DECODER.raw_decode(text, at)
        at = _blank(text, at)
        if text[at : at + 1] != ":":
            raise json.JSONDecodeError("Expecting ':'", text, at)
        found[name], at = _value(text, _blank(text, at + 1), levels)
        at, is_last = _next(text, at, "}")
        if is_last:
            return found, at


def _next(text: str, at: int, end: str) -> tuple[int, bool]:
    """Step over what stands behind a value; say whether it was the end."""
    at = _blank(text, at)
    mark = text[at : at + 1]
    if mark == end:
        return at + 1, True
    if mark != ",":
        raise json.JSONDecodeError("Expecting ','", text, at)
    return _blank(text, at + 1), False


def _blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return at if found is None else found.end()
