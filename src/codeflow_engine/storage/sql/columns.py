"""Types of columns that hold the same values, in the same order, in every database."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, LargeBinary, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from codeflow_engine.storage.sql.damage import DAMAGED

__all__ = ["KEY_TEXT", "Bytes", "Key", "Moment", "escape", "microseconds", "moment", "unescape"]

KEY_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared by code point, as SQLite and Python do it by themselves."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_UNSTORABLE = re.compile("[\x00\x01\ud800-\udfff\ue000]")
_ESCAPED = re.compile("\x01[\x01\x02]|\ue000[\u0100-\u08ff\ufffd]")
_SURROGATES = 0xD800
_STANDS_FOR_SURROGATES = 0x100


class Key(TypeDecorator[str]):
    """Any text of Python as a key, NUL and lone surrogates included.

    PostgreSQL takes no NUL, and neither database a lone surrogate. Each such character is
    written as two others, so that order and common beginnings stay what they were.
    """

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = KEY_TEXT
    cache_ok: bool | None = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's form
        """Write a text."""
        return None if value is None else escape(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's form
        """Read a text; `DAMAGED` for anything else."""
        if isinstance(value, str):
            return unescape(value)
        return None if value is None else DAMAGED


class Moment(TypeDecorator[datetime]):
    """A moment in microseconds since 1970, so that it is compared alike everywhere."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = BigInteger
    cache_ok: bool | None = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's form
        """Write a moment."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's form
        """Read a moment, in UTC; `DAMAGED` for anything else."""
        if value is None:
            return None
        try:
            return moment(value) if isinstance(value, int) else DAMAGED
        except OverflowError:
            return DAMAGED


class Bytes(TypeDecorator[bytes]):
    """Bytes. A number is none: Python would make so many zeros of it."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = LargeBinary
    cache_ok: bool | None = True

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's form
        """Read bytes; `DAMAGED` for anything else."""
        return value if value is None or isinstance(value, bytes) else DAMAGED


def escape(text: str) -> str:
    """Write a text in the form that the column of a key holds."""
    if text.isprintable():
        # No character that has to be written otherwise is, and nearly every key.
        return text
    return _UNSTORABLE.sub(_escape, text)


def unescape(text: str) -> str:
    """Read a text that `escape` has written."""
    if text.isprintable():
        return text
    return _ESCAPED.sub(_unescape, text)


def microseconds(at: datetime) -> int:
    """Count the microseconds since 1970, exactly.

    Raises:
        ValueError: The moment has no time zone.
    """
    if at.utcoffset() is None:
        raise ValueError("a time without a zone names no moment")
    return (at - _EPOCH) // _MICROSECOND


def moment(count: int) -> datetime:
    """Give the moment of so many microseconds since 1970, in UTC."""
    return _EPOCH + count * _MICROSECOND


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code <= 1:
        return "\x01" + chr(code + 1)
    if match[0] == "\ue000":
        return "\ue000\ufffd"
    return "\ue000" + chr(code - _SURROGATES + _STANDS_FOR_SURROGATES)


def _unescape(match: re.Match[str]) -> str:
    lead, mark = match[0][0], match[0][1]
    if lead == "\x01":
        return chr(ord(mark) - 1)
    if mark == "\ufffd":
        return lead
    return chr(ord(mark) - _STANDS_FOR_SURROGATES + _SURROGATES)
