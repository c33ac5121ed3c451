"""Replay: everything that is asked is answered from the cassette, and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any, override

from codeflow_engine.cassette.clocks import ReplayedClock
from codeflow_engine.cassette.compare import differences
from codeflow_engine.cassette.entry import Call, Entry
from codeflow_engine.cassette.file import Cassette
from codeflow_engine.cassette.tape import Reading, Tape
from codeflow_engine.cassette.values import read
from codeflow_engine.domain.encoding import from_plain
from codeflow_engine.errors import CassetteError, SerializationError
from codeflow_engine.pace.clock import Clock
from codeflow_engine.redaction import Redactor
from codeflow_engine.reports.prose import count
from codeflow_engine.runs.failures import read_failure

__all__ = ["Player"]

type _Key = tuple[str, str, str, str]


class Player(Tape):
    """Gives what was recorded, to whoever asks the same.

    Args:
        cassette: The recording.
        redactor: Knows the secrets of the engine.
    """

    def __init__(self, cassette: Cassette, redactor: Redactor) -> None:
        super().__init__(redactor)
        self._cassette = cassette
        self._known: dict[_Key, list[Entry]] = defaultdict(list)
        for entry in cassette.entries:
            self._known[entry.call.key].append(entry)
        self._given: Counter[_Key] = Counter()
        self._giving = threading.Lock()

    @property
    @override
    def is_replay(self) -> bool:
        return True

    @override
    async def ask_all(
        self,
        calls: Sequence[Call],
        kind: Any,
        live: Callable[[], Awaitable[Sequence[Any]]],
        *,
        again: bool = False,
    ) -> tuple[Any, ...]:
        # All at once, before anything is awaited: who asks first is given the first.
        entries = [self._next(call, again=again) for call in calls]
        return tuple([await self._value(entry, kind) for entry in entries])

    @override
    def tell[T](self, call: Call, kind: type[T], live: Callable[[], T]) -> T:
        entry = self._next(call, again=True)
        self._check(entry)
        try:
            return from_plain(kind, entry.value)
        except SerializationError as error:
            raise self._damaged(entry, error.message) from None

    @override
    def run_id(self, workflow: str, told: object, digest: str, clock: Clock) -> str:
        entry = self._next(self.submission(workflow, told, digest), again=False, like="input")
        if not isinstance(entry.value, str):
            raise self._damaged(entry, "no id")
        return entry.value

    @override
    def seen(self, reader: str, reading: Reading) -> Reading:
        call = Call(kind="clock", name="", method="seen", about=reader, asked=reader)
        entry = self._next(call, again=True)
        if isinstance(reading, datetime):
            try:
                return datetime.fromisoformat(entry.value)
            except (TypeError, ValueError):
                raise self._damaged(entry, "no moment") from None
        is_text = isinstance(reading, str)
        if not isinstance(entry.value, str if is_text else int | float):
            raise self._damaged(entry, "no reading of this clock")
        return entry.value if is_text else float(entry.value)

    @override
    def clock(self, clock: Clock) -> Clock:
        return ReplayedClock(clock, self, self._cassette.started_at)

    async def _value(self, entry: Entry, kind: Any) -> Any:
        self._check(entry)
        try:
            return await asyncio.to_thread(read, kind, entry.value, entry.parts)
        except SerializationError as error:
            raise self._damaged(entry, error.message) from None

    def _check(self, entry: Entry) -> None:
        """Raise what was raised then."""
        if entry.failure is None:
            return
        try:
            failure = read_failure(entry.failure)
        except SerializationError as error:
            raise self._damaged(entry, error.message) from None
        raise failure

    def _next(self, call: Call, *, again: bool, like: str | None = None) -> Entry:
        """Give the next of the entries of a call.

        Args:
            call: What is asked.
            again: Whether the last one is given for ever.
            like: The argument that has to be equal, where none is equal in all.
        """
        with self._giving:
            key = call.key
            known = self._known.get(key, [])
            if not known and like is not None:
                key, known = self._alike(call, like)
            number = self._given[key]
            if number >= len(known) and (not again or not known):
                raise self._missing(call, number)
            self._given[key] += 1
            return known[min(number, len(known) - 1)]

    def _alike(self, call: Call, like: str) -> tuple[_Key, list[Entry]]:
        """Find entries of a call in which one argument is equal, and that nobody was given.

        An input may name a directory, which is another one in another checkout.
        """
        for entry in self._cassette.entries:
            key = entry.call.key
            asked = entry.call.asked
            if key[:3] != call.key[:3] or not isinstance(asked, dict):
                continue
            if asked.get(like) == call.asked[like] and not self._given[key]:
                return key, self._known[key]
        return call.key, []

    def _missing(self, call: Call, number: int) -> CassetteError:
        told = f"it does not hold what was asked: {call}"
        if number:
            told = f"it holds {count(number, 'answer')} to {call}, which was asked once more"
        near = self._nearest(call)
        nearest = None if near is None else str(near)
        if near is not None and not number:
            # The place alone: an error quotes no prompt.
            place = next((place for place, _, _ in differences(call.asked, near.asked)), "")
            other = f", with another {place}" if place else ""
            told = f"{told}; nearest to it is {nearest}{other}"
        return CassetteError(told, path=self._cassette.path, asked=str(call), nearest=nearest)

    def _nearest(self, call: Call) -> Call | None:
        """Find what comes nearest: the same method first, and then the same kind of backend."""
        calls = [entry.call for entry in self._cassette.entries if entry.call.kind == call.kind]
        for same in (
            [one for one in calls if (one.name, one.method) == (call.name, call.method)],
            [one for one in calls if one.method == call.method],
            calls,
        ):
            known = {str(one): one for one in same}
            if known:
                told = get_close_matches(str(call), known, n=1, cutoff=0)
                return known[told[0]]
        return None

    def _damaged(self, entry: Entry, reason: str) -> CassetteError:
        told = f"the answer to {entry.call} is damaged: {reason}"
        return CassetteError(told, path=self._cassette.path, line=entry.line)
