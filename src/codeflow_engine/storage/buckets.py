"""Buckets that fill evenly, in whole numbers, so that all processes count alike.

A level is in millionths, a time in microseconds on a clock that all who share a bucket share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isnan

from codeflow_engine.domain.budget import Rate
from codeflow_engine.errors import StorageError

__all__ = ["Bucket", "drain", "merged", "take"]

_UNIT = 1_000_000
_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_MOST = 10**12
_LONGEST = 10**15
"""Microseconds that a bucket takes to fill at most, about thirty years."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """How full a bucket is, and when it will be full.

    Its level goes up in a straight line from `level` at the time `at` to `holds` at `full_at`.
    """

    level: int
    at: int
    full_at: int
    holds: int | None = None
    """None where nobody has told yet: a provider has counted it before anybody took of it."""

    def at_time(self, now: int) -> Bucket:
        """Give it as it is at a time."""
        if self.holds is None:
            return self
        if now < self.at - _MINUTE:
            # The clock was set back. What is left counts from now on.
            return replace(self, at=now, full_at=self.full_at - self.at + now)
        now = max(now, self.at)
        level = self.holds
        if now < self.full_at:
            flown = (self.holds - self.level) * (now - self.at) // (self.full_at - self.at)
            level = self.level + flown
        return replace(self, level=level, at=now)

    def of_size(self, holds: int) -> Bucket:
        """Give it with a size, and filling no faster than within a minute."""
        level = min(self.level, holds)
        earliest = self.at + _ceil((holds - level) * _MINUTE, holds)
        return Bucket(level, self.at, max(self.full_at, earliest), holds)


def merged(rates: Iterable[Rate]) -> Mapping[str, Rate]:
    """Make one of the rates that name the same bucket."""
    found: dict[str, Rate] = {}
    for rate in rates:
        known = found.get(rate.bucket)
        found[rate.bucket] = rate if known is None else _both(known, rate)
    return found


def take(
    buckets: Mapping[str, Bucket], rates: Mapping[str, Rate], now: int
) -> tuple[Mapping[str, Bucket], float]:
    """Take from all buckets; give them as they are then, or none, and the seconds to wait.

    Args:
        buckets: Those that are known.
        rates: What to take, by bucket.
        now: The time.
    """
    taken: dict[str, Bucket] = {}
    wait = 0
    for name, rate in rates.items():
        holds = rate.per_minute * _UNIT
        bucket = _sized(buckets.get(name), holds, now)
        amount = min(rate.amount * _UNIT, holds)
        if bucket.level >= amount:
            taken[name] = _without(bucket, amount, holds)
        else:
            left, missing = holds - bucket.level, amount - bucket.level
            # One more: whoever asks again has read a clock that may be cut off, as this one.
            wait = max(wait, _ceil(missing * (bucket.full_at - bucket.at), left) + 1)
    return ({}, wait / _SECOND) if wait else (taken, 0.0)


def drain(bucket: Bucket | None, left: int, seconds: float, now: int) -> Bucket:
    """Bring a bucket down to what a provider has counted.

    Raises:
        StorageError: The seconds are no number.
    """
    if isnan(seconds):
        raise StorageError("a bucket is full in a number of seconds")
    level = max(0, min(left, _MOST)) * _UNIT
    full_at = now + max(0, int(min(seconds * _SECOND, _LONGEST)))
    if bucket is None:
        return Bucket(level, now, full_at)
    bucket = bucket.at_time(now)
    lower = Bucket(
        min(level, bucket.level), max(now, bucket.at), max(full_at, bucket.full_at), bucket.holds
    )
    return lower if lower.holds is None else lower.of_size(lower.holds)


def _both(one: Rate, other: Rate) -> Rate:
    return replace(
        one,
        amount=one.amount + other.amount,
        per_minute=min(one.per_minute, other.per_minute),
    )


def _sized(bucket: Bucket | None, holds: int, now: int) -> Bucket:
    if bucket is None:
        return Bucket(holds, now, now, holds)
    if bucket.holds is None:
        bucket = bucket.of_size(holds)
    bucket = bucket.at_time(now)
    return bucket if bucket.holds == holds else bucket.of_size(holds)


def _without(bucket: Bucket, amount: int, holds: int) -> Bucket:
    full_at = max(bucket.full_at, bucket.at) + _ceil(amount * _MINUTE, holds)
    return Bucket(bucket.level - amount, bucket.at, full_at, holds)


def _ceil(number: int, by: int) -> int:
    return -(-number // by)
