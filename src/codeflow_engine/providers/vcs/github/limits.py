"""GitHub's limits: when it asks to wait, for how long, and that nothing is asked meanwhile.

The rules are those of GitHub's pages "Rate limits for the REST API" and "Best practices for
using the REST API". Nobody sleeps here: who is too early gets a `RateLimitError` with the wait.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from codeflow_engine.errors import RateLimitError

__all__ = ["Gate", "resource_of", "server_time", "wait_of"]

_AT_LEAST: Final = 60.0
"""Seconds to wait where GitHub does not say for how long."""

_AT_MOST: Final = 900.0
"""Seconds that the wait doubles up to, each time that it was not enough."""

_LONGEST: Final = 86_400.0
"""Seconds; a longer wait is none that a server means."""

_ALL: Final = "all"
_SECONDARY: Final = (
    "you have exceeded a secondary rate limit",
    "api rate limit exceeded",
    "please wait a few minutes",
    "please retry your request again later",
    "abuse detection",
)
_LIMITED: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})


def wait_of(status: int, headers: Mapping[str, str], message: str) -> float | None:
    """Give the seconds to wait, or None where an answer is about no limit.

    Args:
        status: Of the answer; a limit is a 403 or a 429.
        headers: By lower-case name.
        message: GitHub's own words.
    """
    if status not in _LIMITED:
        return None
    told = _number(headers.get("retry-after"))
    if told is not None:
        return told
    if headers.get("x-ratelimit-remaining", "").strip() == "0":
        reset = _until_reset(headers)
        return _AT_LEAST if reset is None else reset
    lowered = message.lower()
    if status == HTTPStatus.TOO_MANY_REQUESTS or any(one in lowered for one in _SECONDARY):
        return _AT_LEAST
    return None


def server_time(headers: Mapping[str, str]) -> float:
    """Give the time by the server's own clock, in seconds of the epoch; ours where it is silent."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return datetime.now(UTC).timestamp()


def resource_of(path: str) -> str:
    """Say which limit of GitHub's a path counts for."""
    plain = path.partition("?")[0].rstrip("/")
    if plain.endswith("/graphql") or plain == "graphql":
        return "graphql"
    return "search" if plain.startswith(("search/", "/search/")) else "core"


class Gate:
    """Knows until when nothing may be asked; one for each account.

    Safe to share between threads.

    Args:
        now: A clock that never goes back, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._until: dict[str, float] = {}
        self._strikes = 0
        self._lock = threading.Lock()

    def check(self, resource: str) -> None:
        """Refuse a request that comes too early.

        Raises:
            RateLimitError: It has to wait; nothing was asked.
        """
        with self._lock:
            until = max(self._until.get(_ALL, 0.0), self._until.get(resource, 0.0))
        wait = until - self._now()
        if wait > 0:
            raise RateLimitError(
                "GitHub has asked to wait, so that it was not asked again", retry_after=wait
            )

    def learn(self, resource: str, status: int, headers: Mapping[str, str], message: str) -> None:
        """Take note of what an answer says about limits."""
        wait = wait_of(status, headers, message)
        spent = headers.get("x-ratelimit-remaining", "").strip() == "0"
        with self._lock:
            if wait is None:
                if status < HTTPStatus.BAD_REQUEST:
                    self._strikes = 0
                if spent and (reset := _until_reset(headers)):
                    self._close(resource, reset)
                return
            if not spent:
                # No allowance that fills up by the clock, but patience: of all requests.
                if "retry-after" not in headers:
                    wait = min(wait * 2**self._strikes, _AT_MOST)
                    self._strikes = min(self._strikes + 1, 10)
                resource = _ALL
            self._close(resource, wait)

    def wait(self, resource: str) -> float:
        """Give the seconds until a request may be sent; 0 where it may be at once."""
        with self._lock:
            until = max(self._until.get(_ALL, 0.0), self._until.get(resource, 0.0))
        return max(until - self._now(), 0.0)

    def _close(self, resource: str, wait: float) -> None:
        self._until[resource] = max(self._until.get(resource, 0.0), self._now() + wait)


def _until_reset(headers: Mapping[str, str]) -> float | None:
    reset = _number(headers.get("x-ratelimit-reset"), most=math.inf)
    if reset is None:
        return None
    # By the server's clock, since ours may go otherwise; a second more, since Date is cut off.
    wait = max(reset - server_time(headers), 0.0) + 1.0
    return wait if wait <= _LONGEST else None


def _number(told: str | None, most: float = _LONGEST) -> float | None:
    try:
        number = float(told or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and 0 <= number <= most else None
