"""Moments as people write and read them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from codeflow_engine.errors import ConfigurationError

__all__ = ["ago", "awaited", "later", "shown"]

_SPAN = re.compile(r"(\d{1,5}) ?([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def ago(text: str, now: datetime) -> datetime:
    """Read a span before now, such as `90d`, or a date.

    Raises:
        ConfigurationError: It is neither.
    """
    span = _span(text)
    return _date(text) if span is None else now - span


def later(text: str, now: datetime) -> datetime:
    """Read a span after now, such as `2w`, or a date.

    Raises:
        ConfigurationError: It is neither.
    """
    span = _span(text)
    return _date(text) if span is None else now + span


def shown(moment: datetime) -> str:
    """Write a moment for people, in UTC and to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def awaited(signals: Iterable[str], until: datetime | None) -> str:
    """Say what a run waits for: signals of these names, a moment, or both."""
    names = ", ".join(signals)
    parts = [f"for {names}" if names else "", f"until {shown(until)} UTC" if until else ""]
    return " ".join(filter(None, parts))


def _span(text: str) -> timedelta | None:
    found = _SPAN.fullmatch(text.strip())
    return None if found is None else int(found[1]) * _UNITS[found[2]]


def _date(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is no time; write a span such as 12h, 30d or 2w, or a date such as "
            "2026-12-31"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
