"""Circuit breakers: who has failed again and again is left alone for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from codeflow_engine.errors import ProviderError
from codeflow_engine.llm.foreign import own_class
from codeflow_engine.pace.clock import Clock

__all__ = ["Breaker"]

_MOST = 600.0
"""Seconds beyond which no rest grows, whatever a server asks for."""


class Breaker:
    """Lets calls through until some have failed in a row, and then none for a while.

    After its rest one call goes through as a probe, and the others wait for what comes of it:
    success closes the circuit, failure doubles the rest.

    Args:
        title: What it guards, for messages.
        clock: Counts the seconds.
        counts: The errors that count; others say nothing about whether the next call works.
        failures: How many of them in a row open the circuit.
        rest: Seconds for which it is open the first time.
    """

    def __init__(
        self,
        title: str,
        clock: Clock,
        counts: tuple[type[ProviderError], ...],
        *,
        failures: int,
        rest: float,
    ) -> None:
        self._title = title
        self._clock = clock
        self._counts = counts
        self._failures = failures
        self._first_rest = rest
        self._rest = rest
        self._failed = 0
        self._last: ProviderError = ProviderError(title)
        self._closed_at = 0.0
        self._is_open = False
        self._is_probing = False

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Make one call, if it may be made.

        Raises:
            ProviderError: The circuit is open: an error of the class that opened it, whose
                `retry_after` is when it may be tried again.
        """
        probing = self._admit()
        try:
            yield
        except self._counts as error:
            self._failed += 1
            if probing or self._failed >= self._failures:
                self._open(error, doubled=probing)
            raise
        else:
            self._failed, self._is_open, self._rest = 0, False, self._first_rest
        finally:
            if probing:
                self._is_probing = False

    def _admit(self) -> bool:
        """Say whether a call is a probe.

        Raises:
            ProviderError: It may not be made.
        """
        if not self._is_open:
            return False
        left = self._closed_at - self._clock.monotonic()
        if left <= 0 and not self._is_probing:
            self._is_probing = True
            return True
        # Of the class that opened it: whether it may pass is the same question.
        raise own_class(self._last)(
            f"{self._title} has failed again and again, and is left alone for "
            f"{max(left, 1.0):.0f} s",
            retry_after=max(left, 1.0),
            kind="circuit_open",
        )

    def _open(self, error: ProviderError, *, doubled: bool) -> None:
        self._last = error
        if doubled:
            self._rest = min(self._rest * 2, _MOST)
        self._is_open = True
        asked = min(error.retry_after or 0.0, _MOST)
        self._closed_at = self._clock.monotonic() + max(self._rest, asked)
