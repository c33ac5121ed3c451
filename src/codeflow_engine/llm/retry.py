"""The single retry loop: nothing else, in an SDK or above, tries a call again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from codeflow_engine.errors import ProviderError

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from codeflow_engine.pace.clock import Clock
    from codeflow_engine.pace.retry import Retry

__all__ = ["HELD", "Allowance", "Retrying"]

HELD = frozenset({"circuit_open", "local_rate_limit"})
"""Kinds of errors for which no call was made."""

_MOST = 10.0
_SHARE = 0.1


class Allowance:
    """How many attempts may be made again: a tenth of the first ones, and ten at once.

    In a long outage retries are no help and many a harm: all together they stay below a tenth
    of the calls.
    """

    def __init__(self) -> None:
        self._left = _MOST

    def earn(self) -> None:
        """Count a first attempt."""
        self._left = min(self._left + _SHARE, _MOST)

    def take(self) -> bool:
        """Take one retry, if there is one."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Retrying:
    """Calls a model again after errors that may pass.

    A pause is drawn evenly from nothing up to a limit that doubles, and is at least what the
    provider asks for. One that is longer than `retry.most`, or that ends after the deadline,
    is not slept: the error goes up with its `retry_after`, to the next model or to the run,
    which is put aside for so long.

    Args:
        retry: How often, and how long the pauses are.
        allowance: What is left for retries.
        clock: Draws the pauses, and lets them pass.
        deadline: Moment, as the clock counts, after which nothing is begun.
    """

    def __init__(
        self, retry: Retry, allowance: Allowance, clock: Clock, *, deadline: float
    ) -> None:
        self._retry = retry
        self._allowance = allowance
        self._clock = clock
        self._deadline = deadline

    async def go[T](
        self,
        call: Callable[[], Awaitable[T]],
        failed: Callable[[BaseException, float], None],
    ) -> T:
        """Call until it works or is given up.

        Args:
            call: Makes one attempt.
            failed: Told of each error after which there is another attempt, and of the pause.

        Raises:
            ProviderError: The last attempt's.
        """
        from tenacity import AsyncRetrying, retry_if_exception

        self._allowance.earn()

        def note(state: RetryCallState) -> None:
            failed(_error(state), state.upcoming_sleep)

        retrying = AsyncRetrying(
            retry=retry_if_exception(self._may_pass),
            wait=self._draw,
            stop=self._is_over,
            sleep=self._clock.sleep,
            before_sleep=note,
            reraise=True,
        )
        value: T = await retrying(call)
        return value

    def _may_pass(self, error: BaseException) -> bool:
        # What the gateway itself holds back is for the next model, or for the run, and so is a
        # storage that fails.
        is_made = isinstance(error, ProviderError) and error.kind not in HELD
        return is_made and self._retry.covers(error)

    def _draw(self, state: RetryCallState) -> float:
        return self._retry.pause(state.attempt_number, _error(state), self._clock.random())

    def _is_over(self, state: RetryCallState) -> bool:
        return (
            state.attempt_number >= self._retry.attempts
            or state.upcoming_sleep > self._retry.most
            or self._clock.monotonic() + state.upcoming_sleep >= self._deadline
            or not self._allowance.take()
        )


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if error is not None else AssertionError("asked after a success")
