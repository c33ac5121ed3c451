"""What a workflow backend is given to execute, and what it made of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

__all__ = ["Executions", "refused"]

_TICK = 0.001

_HELD_TICK = 0.005
"""Longer, since hundreds of runs may be held at once."""


class Executions:
    """Takes the place of the engine: each run does what a test says, and is taken down.

    It uses nothing that belongs to one event loop, since a backend may have one of its own.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._held: set[str] = set()
        self._errors: dict[str, BaseException] = {}
        self._deeds: dict[str, Callable[[], Awaitable[None]]] = {}
        self._linger = 0.0
        self.begun: list[str] = []
        self.ended: list[str] = []
        """Runs that came to their end; neither cancelled nor failed."""

        self.stopped_at: dict[str, float] = {}
        """When each execution was told to stop, by `time.monotonic`."""

        self.cancelled: list[str] = []
        """Runs whose execution was cancelled, and is over."""

        self.moments: dict[str, datetime] = {}
        """When each run began, the last time."""

    async def execute(self, run_id: str) -> None:
        """Execute a run, as the engine would."""
        self.moments[run_id] = datetime.now(UTC)
        self.begun.append(run_id)
        try:
            if deed := self._deeds.get(run_id):
                await deed()
            # No `asyncio.Event`: it belongs to one event loop.
            while run_id in self._held:  # noqa: ASYNC110
                await asyncio.sleep(_HELD_TICK)
        except asyncio.CancelledError:
            self.stopped_at[run_id] = time.monotonic()
            await asyncio.sleep(self._linger)
            self.cancelled.append(run_id)
            raise
        if error := self._errors.get(run_id):
            raise error
        self.ended.append(run_id)

    def hold(self, *run_ids: str) -> None:
        """Let runs go on until they are let go, or cancelled."""
        self._held.update(run_ids)

    def let_go(self, *run_ids: str) -> None:
        """Let runs end."""
        self._held.difference_update(run_ids)

    def linger(self, seconds: float) -> None:
        """Let cancelled runs need some time to end."""
        self._linger = seconds

    def fail(self, run_id: str, error: BaseException) -> None:
        """Let a run raise an error."""
        self._errors[run_id] = error

    def mend(self) -> None:
        """Let all runs go well from now on."""
        self._errors.clear()

    def do(self, run_id: str, deed: Callable[[], Awaitable[None]]) -> None:
        """Let a run do something."""
        self._deeds[run_id] = deed

    async def until_begun(self, *run_ids: str) -> None:
        """Wait until runs have begun, as often as they are named."""
        await self._until(self.begun, run_ids, "begun")

    async def until_ended(self, *run_ids: str) -> None:
        """Wait until runs have ended, as often as they are named."""
        await self._until(self.ended, run_ids, "ended")

    async def until_cancelled(self, *run_ids: str) -> None:
        """Wait until executions of runs were cancelled, as often as they are named."""
        await self._until(self.cancelled, run_ids, "been cancelled")

    async def _until(self, seen: list[str], run_ids: tuple[str, ...], what: str) -> None:
        deadline = time.monotonic() + self._patience
        while missing := Counter(run_ids) - Counter(seen):
            if time.monotonic() > deadline:
                pytest.fail(f"not {what} within {self._patience:g} s: {sorted(missing)}")
            await asyncio.sleep(_TICK)


async def refused(call: Awaitable[None]) -> BaseException | None:
    """Give the error of a call; None where it has none."""
    try:
        await call
    except Exception as error:  # noqa: BLE001 - which one it is, is what the test asserts
        return error
    return None
