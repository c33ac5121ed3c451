"""What a cassette is recorded with, and played back with: both stand in front of the backends."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from codeflow_engine.cassette.entry import Call
from codeflow_engine.cassette.paths import portable_all
from codeflow_engine.cassette.values import Kept, keep
from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.pace.clock import Clock
from codeflow_engine.redaction import Redactor

__all__ = ["LIVE", "Reading", "Tape"]

LIVE: Final[ContextVar[bool]] = ContextVar("codeflow_cassette_live", default=False)
"""Whether a backend is being asked, whose own programs are its own affair."""

type Reading = str | float | datetime
"""What a clock gives that becomes part of a result."""


class Tape(ABC):
    """Stands between an engine and what it asks; one for each engine.

    Args:
        redactor: Knows the secrets of the engine.
    """

    def __init__(self, redactor: Redactor) -> None:
        self.redactor: Redactor = redactor
        self.directory: Path = Path.cwd()
        """Where the engine was made; paths below it are kept relative to it."""

    @property
    @abstractmethod
    def is_replay(self) -> bool:
        """Whether nothing may be asked but the cassette."""

    @abstractmethod
    async def ask_all(
        self,
        calls: Sequence[Call],
        kind: Any,
        live: Callable[[], Awaitable[Sequence[Any]]],
        *,
        again: bool = False,
    ) -> tuple[Any, ...]:
        """Make some calls, and give a value for each.

        Args:
            calls: What is asked.
            kind: Type of each value, as an annotation.
            live: Asks the backend for all of them; called while recording alone.
            again: Whether the same call always has the same answer.

        Raises:
            CassetteError: A value cannot be recorded, or is not on the cassette.
            CodeflowError: What the backend raised, now or then.
        """

    async def ask(
        self,
        call: Call,
        kind: Any,
        live: Callable[[], Awaitable[Any]],
        *,
        again: bool = False,
    ) -> Any:
        """Make one call, as `ask_all` makes some."""

        async def alone() -> Sequence[Any]:
            return (await live(),)

        (value,) = await self.ask_all([call], kind, alone, again=again)
        return value

    @abstractmethod
    def tell[T](self, call: Call, kind: type[T], live: Callable[[], T]) -> T:
        """Ask what a backend is, which stays the same; without waiting.

        Raises:
            CodeflowError: As `ask_all`.
        """

    @abstractmethod
    def run_id(self, workflow: str, told: object, digest: str, clock: Clock) -> str:
        """Do what `Clock.run_id` does.

        Raises:
            CassetteError: No such run is on the cassette, or all of them are given.
        """

    def submission(self, workflow: str, told: object, digest: str) -> Call:
        """Give what tells a run: its input, and the digest of it."""
        told = portable_all(self.redactor.scrub(to_plain(told)), self.directory)
        # The digest comes last: where two runs differ, the input says more.
        asked = {"input": told, "this": digest}
        return Call(kind="run", name=workflow, method="submit", asked=asked)

    @abstractmethod
    def seen(self, reader: str, reading: Reading) -> Reading:
        """Do what `Clock.seen` does."""

    @abstractmethod
    def clock(self, clock: Clock) -> Clock:
        """Give the clock that an engine has instead of its own."""

    async def without_secrets(self, value: Any, kind: Any) -> Kept:
        """Take the secrets out of a value, off the loop: a large diff takes a second."""
        return await asyncio.to_thread(keep, value, kind, self.redactor)
