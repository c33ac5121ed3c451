"""Who fails again and again is left alone for a while."""

from __future__ import annotations

import math

import pytest

from codeflow_engine.errors import (
    ProviderUnavailableError,
    QuotaExhaustedError,
    RateLimitError,
)
from codeflow_engine.llm.breaker import Breaker
from codeflow_engine.testing.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock: FakeClock) -> Breaker:
    return Breaker("acme:m", clock, (ProviderUnavailableError,), failures=3, rest=30)


def fail(breaker: Breaker, error: Exception | None = None) -> None:
    with pytest.raises(type(error) if error else ProviderUnavailableError), breaker.guard():
        raise error or ProviderUnavailableError("away")


def succeed(breaker: Breaker) -> None:
    with breaker.guard():
        pass


def is_open(breaker: Breaker) -> bool:
    try:
        succeed(breaker)
    except ProviderUnavailableError as error:
        return error.kind == "circuit_open"
    return False


def test_l5_it_opens_after_failures_in_a_row(breaker: Breaker) -> None:
    """Below the limit calls go through; at the limit none does, and it is told until when."""
    fail(breaker)
    fail(breaker)
    succeed(breaker)
    fail(breaker)
    fail(breaker)
    fail(breaker)

    with pytest.raises(ProviderUnavailableError, match="acme:m has failed") as refused:
        succeed(breaker)

    assert (refused.value.kind, refused.value.retry_after) == ("circuit_open", 30)


def test_l5_one_probe_goes_through_after_the_rest(breaker: Breaker, clock: FakeClock) -> None:
    """While the probe is under way nobody else goes; its success lets all go."""
    for _ in range(3):
        fail(breaker)
    clock.advance(30)

    with breaker.guard():
        assert is_open(breaker)

    assert not is_open(breaker)
    fail(breaker)
    assert not is_open(breaker)


def test_l5_a_probe_that_fails_doubles_the_rest(breaker: Breaker, clock: FakeClock) -> None:
    """A server that is still away is left alone for longer, and not for ever."""
    for _ in range(3):
        fail(breaker)
    clock.advance(30)
    fail(breaker)

    clock.advance(59)
    assert is_open(breaker)
    clock.advance(1)
    succeed(breaker)
    for _ in range(3):
        fail(breaker)
    clock.advance(30)

    assert not is_open(breaker)


def test_a_rest_does_not_grow_beyond_ten_minutes(breaker: Breaker, clock: FakeClock) -> None:
    """However often probes fail, the next one is ten minutes away at most."""
    for _ in range(3):
        fail(breaker)
    for _ in range(12):
        clock.advance(600)
        fail(breaker)

    clock.advance(600)

    assert not is_open(breaker)


def test_a_probe_that_is_cancelled_lets_the_next_one_through(
    breaker: Breaker, clock: FakeClock
) -> None:
    """What says nothing about the server neither opens nor closes the circuit."""
    for _ in range(3):
        fail(breaker)
    clock.advance(30)

    fail(breaker, RateLimitError("slow down"))

    with breaker.guard():
        assert is_open(breaker)


def test_errors_that_do_not_count_leave_it_closed(breaker: Breaker) -> None:
    """A server that asks to slow down is there."""
    for _ in range(9):
        fail(breaker, RateLimitError("slow down"))

    assert not is_open(breaker)


def test_it_rests_as_long_as_the_server_asks(clock: FakeClock) -> None:
    """A wait that the server names is kept where it is longer."""
    breaker = Breaker("acme:m", clock, (ProviderUnavailableError,), failures=1, rest=30)
    fail(breaker, ProviderUnavailableError("away", retry_after=90))

    clock.advance(89)

    assert is_open(breaker)


def test_l4_an_empty_account_is_refused_in_its_own_class(clock: FakeClock) -> None:
    """What opened the circuit says whether waiting helps: for money it does not."""
    breaker = Breaker("the key", clock, (QuotaExhaustedError,), failures=1, rest=300)
    fail(breaker, QuotaExhaustedError("no money"))

    with pytest.raises(QuotaExhaustedError) as refused:
        succeed(breaker)

    assert not refused.value.retryable


@pytest.mark.parametrize("asked", [1e300, math.inf, 315_360_000.0, math.nan, -5.0])
def test_l2_no_server_closes_itself_for_ever(clock: FakeClock, asked: float) -> None:
    """A wait of ten years, or one that is no number, is a mistake of the server's."""
    breaker = Breaker("acme:m", clock, (ProviderUnavailableError,), failures=1, rest=30)
    fail(breaker, ProviderUnavailableError("away", retry_after=asked))

    clock.advance(600)

    assert not is_open(breaker)


class AcmeAwayError(ProviderUnavailableError):
    """A provider's own class, made in a way of its own."""

    def __init__(self, code: int) -> None:
        super().__init__(f"away: {code}")


def test_a_class_of_a_providers_own_opens_it_as_ours(clock: FakeClock) -> None:
    """What is raised while it is open is the class of our tree."""
    breaker = Breaker("acme:m", clock, (ProviderUnavailableError,), failures=1, rest=30)
    fail(breaker, AcmeAwayError(5))

    with pytest.raises(ProviderUnavailableError) as refused:
        succeed(breaker)

    assert type(refused.value) is ProviderUnavailableError
