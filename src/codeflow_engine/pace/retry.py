"""When and how often a step is tried again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codeflow_engine.errors import CodeflowError, ConfigurationError

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from codeflow_engine.pace.clock import Clock

__all__ = ["Retry"]

_LONGEST = 86_400.0
"""Seconds beyond which no pause grows, whatever the other side asks for: a day. No date holds the
end of a pause of 10^300 seconds, and nobody waits for that of ten years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How a step deals with errors.

    The pause before an attempt is drawn evenly from nothing up to a limit, which begins with
    `first` and doubles each time ("full jitter"); an error with a `retry_after` is given at
    least that long, up to a day.
    """

    attempts: int = 3
    """How often the work is begun, at most."""

    first: float = 1.0
    """Limit of the first pause, in seconds."""

    most: float = 60.0
    """Seconds beyond which no limit grows."""

    on: tuple[type[Exception], ...] | None = None
    """Errors after which it is tried again; None for those that say of themselves that they
    may pass (`CodeflowError.retryable`)."""

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ConfigurationError(f"a step is tried at least once, not {self.attempts} times")
        if not (self.first >= 0 and self.most >= 0):
            raise ConfigurationError("the pauses of a retry are seconds, at least 0")

    def covers(self, error: BaseException) -> bool:
        """Say whether an error is one after which the work is tried again."""
        if self.on is not None:
            return isinstance(error, self.on)
        return isinstance(error, CodeflowError) and error.retryable

    def pause(self, attempts: int, error: BaseException, chance: float) -> float:
        """Give the seconds to wait after so many attempts.

        Args:
            attempts: At least 1.
            error: What the last one raised.
            chance: From 0 up to 1.
        """
        # A power of two beyond any limit is not worth its overflow.
        limit = min(self.most, self.first * 2.0 ** min(attempts - 1, 64))
        asked = error.retry_after if isinstance(error, CodeflowError) else None
        # In this order, since one that is no number is then passed over.
        return max(limit * chance, min(asked or 0.0, _LONGEST))

    async def go[*A, T](
        self,
        clock: Clock,
        function: Callable[[*A], Coroutine[Any, Any, T]],
        *arguments: *A,
        begun: int = 0,
        rest: Callable[[int, float, BaseException], Awaitable[None]] | None = None,
    ) -> T:
        """Do work until it gives a value, or is given up; the last error is raised.

        Args:
            clock: Draws the pauses.
            function: Called once for each attempt.
            arguments: Passed on as they are.
            begun: Attempts that were made before, as by a process that has ended.
            rest: Lets a pause pass, given the attempts so far, the seconds and the error; None
                sleeps on the clock, and writes nothing down.
        """
        from tenacity import AsyncRetrying, retry_if_exception

        def count(state: RetryCallState) -> int:
            return begun + state.attempt_number

        def pause(state: RetryCallState) -> float:
            return self.pause(count(state), _raised(state), clock.random())

        async def wait(state: RetryCallState) -> None:
            if rest is None:
                await clock.sleep(state.upcoming_sleep)
            else:
                await rest(count(state), state.upcoming_sleep, _raised(state))

        async def wait_no_more(_seconds: float) -> None:
            """All has passed in `wait`, which knows the error, too."""

        retrying = AsyncRetrying(
            retry=retry_if_exception(self.covers),
            stop=lambda state: count(state) >= self.attempts,
            wait=pause,
            before_sleep=wait,
            sleep=wait_no_more,
            reraise=True,
        )
        value: T = await retrying(function, *arguments)
        return value


def _raised(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error or Exception()
