"""What the headers of an answer say about waiting."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from codeflow_engine.domain.chat import Room

__all__ = ["read_retry_after", "read_room"]

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST: Final = 86400.0
"""Seconds; quotas are filled anew each day, and a longer wait is a mistake of the server's."""

_EPOCHAL: Final = 1e9
"""A larger number is no duration in seconds but a moment since 1970."""


def read_retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Read how many seconds to wait; None where the headers say nothing that can be used.

    `retry-after-ms` is more exact than `retry-after`, which holds seconds or a date.

    Args:
        headers: By lower-case name.
        now: The time that a date is measured from.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _usable(milliseconds / 1000)
    told = headers.get("retry-after")
    seconds = _number(told)
    if seconds is None and told:
        seconds = _until(told, now or datetime.now(UTC))
    return None if seconds is None else _usable(seconds)


def read_room(headers: Mapping[str, str], now: datetime | None = None) -> Room | None:
    """Read what is left of the rate limits; None where the headers do not say.

    OpenAI, Groq and Mistral write `x-ratelimit-remaining-tokens` and a duration such as
    `6m0s`; Anthropic `anthropic-ratelimit-tokens-remaining` and a moment. A moment that is
    past is 0 seconds away.
    """
    now = now or datetime.now(UTC)

    def left(what: str) -> int | None:
        for name in (f"x-ratelimit-remaining-{what}", f"anthropic-ratelimit-{what}-remaining"):
            number = _number(headers.get(name))
            if number is not None and number >= 0:
                return int(min(number, 1e15))
        return None

    def reset(what: str) -> float | None:
        for name in (f"x-ratelimit-reset-{what}", f"anthropic-ratelimit-{what}-reset"):
            told = headers.get(name)
            if told:
                return _reset(told, now)
        return None

    requests, tokens = left("requests"), left("tokens")
    if requests is None and tokens is None:
        return None
    return Room(
        requests=requests,
        requests_reset=reset("requests"),
        tokens=tokens,
        tokens_reset=reset("tokens"),
    )


def _reset(told: str, now: datetime) -> float | None:
    number = _number(told)
    if number is not None:
        seconds = number - now.timestamp() if number > _EPOCHAL else number
        return max(seconds, 0.0)
    parts = _DURATION.findall(told)
    if parts and "".join(map("".join, parts)) == told:
        return float(sum(float(value) * _UNITS[unit] for value, unit in parts))
    seconds_until = _until(told, now)
    return None if seconds_until is None else max(seconds_until, 0.0)


def _number(told: str | None) -> float | None:
    try:
        number = float(told or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _until(told: str, now: datetime) -> float | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(told)
        except (ValueError, TypeError, OverflowError):
            continue
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - now).total_seconds()
    return None


def _usable(seconds: float) -> float | None:
    return seconds if 0 <= seconds <= _LONGEST else None
