"""Forms of values that have no parts whose type is declared: texts, numbers, times, plain data."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from enum import Enum, Flag
from types import NoneType
from typing import Any, Final

from codeflow_engine.domain.diff import Diff
from codeflow_engine.errors import SerializationError

__all__ = ["LEAVES", "PLAIN", "Form", "Tail", "damaged", "fill_enum", "mismatch"]

_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_ESCAPE: Final = "\0"


class Tail:
    """The bytes behind the line of JSON, taken from the front."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    @property
    def is_empty(self) -> bool:
        """Whether everything was taken."""
        return self._at == len(self._data)

    def take(self, count: Any) -> bytes:
        """Copy the next bytes."""
        if type(count) is not int or not 0 <= count <= len(self._data) - self._at:
            raise damaged("bytes")
        start, self._at = self._at, self._at + count
        return bytes(self._data[start : self._at])


class Form:
    """How the values of one annotation are written, and read again.

    `write` turns a value into what JSON holds, and appends bytes to a list; `read` is its
    reverse. Both raise SerializationError, and neither trusts what it gets.
    """

    __slots__ = ("is_textual", "read", "write")

    write: Callable[[Any, list[bytes]], Any]
    read: Callable[[Any, Tail], Any]
    is_textual: bool
    """Whether texts may be written as keys of an object of JSON."""

    def fill(
        self,
        write: Callable[[Any, list[bytes]], Any],
        read: Callable[[Any, Tail], Any],
        *,
        is_textual: bool = False,
    ) -> Form:
        """Complete the form, which others may hold already: types can contain themselves."""
        self.write = write
        self.read = read
        self.is_textual = is_textual
        return self


def mismatch(value: object, declared: str) -> SerializationError:
    """Say that a value is not of the declared type, without quoting it."""
    return SerializationError(f"{type(value).__name__} where {declared} is declared")


def damaged(declared: str) -> SerializationError:
    """Say that stored data has not the form of the declared type."""
    return SerializationError(f"damaged, or of another version: not the form of {declared}")


def fill_enum(form: Form, kind: type[Enum]) -> None:
    """Complete the form of an enumeration: values where these are texts, otherwise names."""
    name = kind.__name__
    if issubclass(kind, Flag):
        made = _converted(kind, int, lambda member: member.value, kind)
        form.fill(made.write, made.read)
        return
    members = list(kind)
    if all(type(member.value) is str and member.value.isascii() for member in members):
        written = {member: member.value for member in members}
    else:
        written = {member: member.name for member in members}
    known = {text: member for member, text in written.items()}

    def write(value: Any, _: list[bytes]) -> Any:
        if type(value) is not kind:
            raise mismatch(value, name)
        return written[value]

    def read(plain: Any, _: Tail) -> Any:
        if type(plain) is not str or plain not in known:
            raise damaged(name)
        return known[plain]

    form.fill(write, read, is_textual=True)


def _exact(kind: type) -> Form:
    """Make the form of a type that JSON has itself."""

    def write(value: Any, _: list[bytes]) -> Any:
        if type(value) is not kind:
            raise mismatch(value, kind.__name__)
        return value

    def read(plain: Any, _: Tail) -> Any:
        if type(plain) is not kind:
            raise damaged(kind.__name__)
        return plain

    return Form().fill(write, read)


def _converted(
    kind: type, plain_kind: type, to_plain: Callable[[Any], Any], from_plain: Callable[[Any], Any]
) -> Form:
    """Make the form of a type that is one JSON value, and is made from that again."""

    def write(value: Any, _: list[bytes]) -> Any:
        if type(value) is not kind:
            raise mismatch(value, kind.__name__)
        return to_plain(value)

    def read(plain: Any, _: Tail) -> Any:
        if type(plain) is not plain_kind:
            raise damaged(kind.__name__)
        try:
            return from_plain(plain)
        except (ValueError, ArithmeticError, TypeError):
            raise damaged(kind.__name__) from None

    return Form().fill(write, read)


def _write_text(value: Any, _: list[bytes]) -> str:
    if type(value) is not str:
        raise mismatch(value, "str")
    if value[:1] != _ESCAPE and (value.isascii() or not _PAIR.search(value)):
        return value
    # JSON cannot tell two halves of a character in a row from the character.
    return _ESCAPE + value.encode("utf-32-le", "surrogatepass").hex()


def _read_text(plain: Any, _: Tail) -> str:
    if type(plain) is not str:
        raise damaged("str")
    if plain[:1] != _ESCAPE:
        return plain
    try:
        return bytes.fromhex(plain[1:]).decode("utf-32-le", "surrogatepass")
    except ValueError:
        raise damaged("str") from None


def _write_float(value: Any, _: list[bytes]) -> float:
    if type(value) is float:
        if math.isfinite(value):
            return value
        raise SerializationError("a number that is not finite")
    if type(value) is int:  # as Python's types have it, and it comes back as one
        return value
    raise mismatch(value, "float")


def _read_float(plain: Any, _: Tail) -> float:
    if type(plain) is int or (type(plain) is float and math.isfinite(plain)):
        return plain
    raise damaged("float")


def _write_bytes(value: Any, blobs: list[bytes]) -> int:
    if type(value) is not bytes:
        raise mismatch(value, "bytes")
    blobs.append(value)
    return len(value)


def _read_bytes(plain: Any, tail: Tail) -> bytes:
    return tail.take(plain)


def _write_diff(value: Any, blobs: list[bytes]) -> int:
    if type(value) is not Diff:
        raise mismatch(value, "Diff")
    return _write_bytes(value.data, blobs)


def _read_diff(plain: Any, tail: Tail) -> Diff:
    try:
        return Diff.parse(tail.take(plain))
    except ValueError:
        raise damaged("Diff") from None


def _plain_decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise SerializationError("a number that is not finite")
    return str(value)


def _plain_moment(value: datetime) -> str:
    """Write a moment; a zone comes back as the offset that it has then."""
    told = value.isoformat()
    again = datetime.fromisoformat(told)
    # An hour that the clocks of a zone show twice equals no moment of any other zone.
    if value.fold or again != value:
        raise SerializationError("a time that its zone has twice; convert it to UTC")
    return told


def _plain_hour(value: time) -> str:
    if value.fold or not (value.tzinfo is None or type(value.tzinfo) is timezone):
        raise SerializationError("a time of day in a zone without a fixed offset")
    return value.isoformat()


def _from_days(plain: list[int]) -> timedelta:
    days, seconds, microseconds = plain
    if not type(days) is type(seconds) is type(microseconds) is int:
        raise ValueError
    return timedelta(days, seconds, microseconds)


def _read_decimal(plain: str) -> Decimal:
    value = Decimal(plain)
    if not value.is_finite():
        raise InvalidOperation
    return value


def _write_plain(value: Any, blobs: list[bytes]) -> Any:
    kind = type(value)
    if kind is str:
        return _write_text(value, blobs)
    if kind is dict:
        return {_write_text(key, blobs): _write_plain(one, blobs) for key, one in value.items()}
    if kind is list:
        return [_write_plain(one, blobs) for one in value]
    if kind is float:
        return _write_float(value, blobs)
    if value is None or kind is int or kind is bool:
        return value
    raise SerializationError(f"{kind.__name__} is no plain data: declare it in the return type")


def _read_plain(plain: Any, tail: Tail) -> Any:
    kind = type(plain)
    if kind is str:
        return _read_text(plain, tail)
    if kind is dict:
        return {_read_text(key, tail): _read_plain(one, tail) for key, one in plain.items()}
    if kind is list:
        return [_read_plain(one, tail) for one in plain]
    return _read_float(plain, tail) if kind is float else plain


_TEXT: Final = Form().fill(_write_text, _read_text, is_textual=True)
PLAIN: Final = Form().fill(_write_plain, _read_plain, is_textual=True)
"""What is not declared any further: None, bool, int, float, str, and lists and dicts of them."""

LEAVES: Final[Mapping[Any, Form]] = {
    NoneType: _exact(NoneType),
    bool: _exact(bool),
    int: _exact(int),
    float: Form().fill(_write_float, _read_float),
    str: _TEXT,
    bytes: Form().fill(_write_bytes, _read_bytes),
    Decimal: _converted(Decimal, str, _plain_decimal, _read_decimal),
    datetime: _converted(datetime, str, _plain_moment, datetime.fromisoformat),
    date: _converted(date, str, date.isoformat, date.fromisoformat),
    time: _converted(time, str, _plain_hour, time.fromisoformat),
    timedelta: _converted(
        timedelta, list, lambda gap: [gap.days, gap.seconds, gap.microseconds], _from_days
    ),
    Diff: Form().fill(_write_diff, _read_diff),
}
