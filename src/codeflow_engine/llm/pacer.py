"""Rate limits: calls wait here, so that the provider does not have to refuse them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from codeflow_engine.domain.budget import Rate
from codeflow_engine.errors import RateLimitError

if TYPE_CHECKING:
    from codeflow_engine.contracts import Meter
    from codeflow_engine.domain.chat import Room
    from codeflow_engine.pace.clock import Clock

__all__ = ["Pacer"]

_LONGEST = 600.0
"""Seconds for which a header alone keeps calls back: one that is wrong costs no more than that,
and a server that means it refuses the next call, too."""


class Pacer:
    """The rate limits of one key for one model, shared with all processes.

    Without limits in the settings it goes by what the provider's headers say, in this
    process alone.

    Args:
        account: Digest of provider, place and key: whose limits they are.
        model_id: The model.
        meter: What keeps the buckets.
        clock: Lets time pass.
        limits: What it may do in a minute: `requests`, and `tokens` sent and received together.
    """

    def __init__(
        self,
        account: str,
        model_id: str,
        *,
        meter: Meter,
        clock: Clock,
        limits: Mapping[str, int],
    ) -> None:
        self._title = model_id
        self._meter = meter
        self._clock = clock
        self._limits = {f"{account}/{model_id}/{what}": limit for what, limit in limits.items()}
        self._opens_at = 0.0
        """Moment, as the clock counts, until which the provider has no room."""

    async def wait(self, tokens: int, *, most: float) -> None:
        """Wait for room, and take it.

        Args:
            tokens: How many the call may take.
            most: Seconds that are worth waiting for here.

        Raises:
            RateLimitError: There is none for longer than that; says for how long.
        """
        waited = 0.0
        while (seconds := await self._take(tokens)) > 0:
            if waited + seconds > most:
                raise RateLimitError(
                    f"{self._title} has no room within its rate limits for {seconds:.0f} s",
                    retry_after=seconds,
                    kind="local_rate_limit",
                )
            waited += seconds
            await self._clock.sleep(seconds)

    async def _take(self, tokens: int) -> float:
        seconds = self._opens_at - self._clock.monotonic()
        if seconds > 0 or not self._limits:
            return max(seconds, 0.0)
        return await self._meter.take(
            [
                Rate(
                    bucket=bucket,
                    amount=tokens if bucket.endswith("/tokens") else 1,
                    per_minute=limit,
                )
                for bucket, limit in self._limits.items()
            ]
        )

    async def heed(self, room: Room | None) -> None:
        """Take note of what the provider says is left."""
        if room is None:
            return
        for left, seconds, what in (
            (room.requests, room.requests_reset, "requests"),
            (room.tokens, room.tokens_reset, "tokens"),
        ):
            if left is None or seconds is None or not seconds > 0:
                continue
            seconds = min(seconds, _LONGEST)  # noqa: PLW2901 - as far as it is heeded
            bucket = next((name for name in self._limits if name.endswith(f"/{what}")), None)
            if bucket is not None:
                await self._meter.drain(bucket, left=left, seconds=seconds)
            elif left == 0:
                self._opens_at = max(self._opens_at, self._clock.monotonic() + seconds)
