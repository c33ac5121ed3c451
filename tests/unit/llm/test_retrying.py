"""The single retry loop: how often, how long, and when not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from codeflow_engine.errors import (
    AuthenticationError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitError,
)
from codeflow_engine.llm.retry import Allowance, Retrying
from codeflow_engine.pace import Clock, Retry
from stopwatch import stopwatch


class Patient(Clock):
    """Sleeps no time, and knows how long it did; draws what it was given."""

    def __init__(self, *draws: float) -> None:
        self.slept: list[float] = []
        self._seconds = 0.0
        self._draws = list(draws)

    def monotonic(self) -> float:
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._seconds += seconds

    def random(self) -> float:
        return self._draws.pop(0) if self._draws else 0.5


def failing(*errors: ProviderError) -> tuple[Callable[[], asyncio.Future[str]], list[int]]:
    left, calls = list(errors), [0]

    async def call() -> str:
        calls[0] += 1
        if left:
            raise left.pop(0)
        return "done"

    return call, calls


def retrying(
    clock: Clock, *, deadline: float = 900, allowance: Allowance | None = None
) -> Retrying:
    retry = Retry(attempts=3, first=1, most=60)
    return Retrying(retry, allowance or Allowance(), clock, deadline=deadline)


def ignore(error: BaseException, pause: float) -> None:
    pass


async def test_l1_a_wait_that_the_server_names_is_kept() -> None:
    """Twice refused with a wait of 1 s, the third attempt comes 2 s later at the earliest."""
    clock = Patient(0.0, 0.0)
    call, calls = failing(*[RateLimitError("slow", retry_after=1)] * 2)

    assert await retrying(clock).go(call, ignore) == "done"

    assert (calls[0], clock.slept) == (3, [1, 1])


async def test_l3_pauses_are_drawn_evenly_up_to_a_limit_that_doubles() -> None:
    """Two clients that begin together do not stay together."""
    slept = []
    for draws in ((0.25, 0.75), (0.9, 0.1)):
        clock = Patient(*draws)
        call, _ = failing(*[ProviderUnavailableError("away")] * 2)
        await retrying(clock).go(call, ignore)
        slept.append(clock.slept)

    assert slept == [[0.25, 1.5], [0.9, 0.2]]


async def test_l2_a_wait_beyond_the_limit_is_not_slept() -> None:
    """Ten minutes belong to the run, which is put aside for them."""
    clock = Patient()
    call, calls = failing(RateLimitError("slow", retry_after=600))

    with pytest.raises(RateLimitError) as raised:
        await retrying(clock).go(call, ignore)

    assert (calls[0], clock.slept, raised.value.retry_after) == (1, [], 600)


async def test_l7_what_cannot_pass_is_not_tried_again() -> None:
    """A key that is not accepted is not sent twice."""
    call, calls = failing(AuthenticationError("no"))

    with pytest.raises(AuthenticationError):
        await retrying(Patient()).go(call, ignore)

    assert calls[0] == 1


async def test_l32_attempts_are_bounded() -> None:
    """After the last attempt its error is raised as it is."""
    last = ProviderUnavailableError("still away")
    call, calls = failing(*[ProviderUnavailableError("away")] * 2, last)

    with pytest.raises(ProviderUnavailableError) as raised:
        await retrying(Patient()).go(call, ignore)

    assert calls[0] == 3
    assert raised.value is last


async def test_nothing_is_begun_after_the_deadline() -> None:
    """A pause that ends behind it is not slept."""
    clock = Patient(1.0)
    call, calls = failing(ProviderUnavailableError("away", retry_after=20))

    with pytest.raises(ProviderUnavailableError):
        await retrying(clock, deadline=19).go(call, ignore)

    assert (calls[0], clock.slept) == (1, [])


@pytest.mark.parametrize("kind", ["circuit_open", "local_rate_limit"])
async def test_what_the_gateway_holds_back_is_not_tried_again(kind: str) -> None:
    """An open circuit is for the next model, and not slept out here."""
    call, calls = failing(ProviderUnavailableError("held", kind=kind, retry_after=5))

    with pytest.raises(ProviderUnavailableError):
        await retrying(Patient()).go(call, ignore)

    assert calls[0] == 1


async def test_l5_retries_stay_below_a_tenth_of_the_calls() -> None:
    """In an outage of 1,000 calls there are at most 110 attempts more."""
    allowance, attempts = Allowance(), 0
    for _ in range(1000):
        call, calls = failing(*[ProviderUnavailableError("away", kind="overloaded")] * 3)
        with pytest.raises(ProviderUnavailableError):
            await retrying(Patient(), allowance=allowance).go(call, ignore)
        attempts += calls[0]

    assert 1000 < attempts <= 1110


async def test_each_failure_before_another_attempt_is_told() -> None:
    """The last error is raised, and those before it are told with their pauses."""
    told: list[tuple[str, float]] = []
    call, _ = failing(*[RateLimitError("slow", retry_after=2)] * 3)

    with pytest.raises(RateLimitError):
        await retrying(Patient()).go(
            call, lambda error, pause: told.append((type(error).__name__, pause))
        )

    assert told == [("RateLimitError", 2), ("RateLimitError", 2)]


async def test_l25_a_cancellation_ends_a_pause_at_once() -> None:
    """Who gives up during a pause is not kept."""
    call, _ = failing(RateLimitError("slow", retry_after=50))
    task = asyncio.create_task(retrying(Clock(), deadline=1e12).go(call, ignore))
    await asyncio.sleep(0.05)

    task.cancel()
    async with stopwatch() as watch:
        with pytest.raises(asyncio.CancelledError):
            await task

    assert watch.seconds < 0.1
