"""Recording: everything that backends answer is written down on its way to the run."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, override

from codeflow_engine.cassette.clocks import TapedClock
from codeflow_engine.cassette.entry import Call, Entry
from codeflow_engine.cassette.file import Cassette
from codeflow_engine.cassette.tape import LIVE, Reading, Tape
from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.errors import (
    CassetteError,
    CodeflowError,
    ConfigurationError,
    PluginError,
    SerializationError,
)
from codeflow_engine.pace.clock import Clock
from codeflow_engine.plugins.containment import is_foreign
from codeflow_engine.redaction import Redactor
from codeflow_engine.runs.failures import write_failure

__all__ = ["Recorder", "check_place"]


def check_place(path: Path) -> None:
    """Find out before a run what would keep its recording from being written.

    Raises:
        ConfigurationError: There is no such directory, or it is one.
    """
    if path.is_dir():
        raise ConfigurationError(f"the recording {str(path)!r} is a directory")
    if not path.parent.is_dir():
        raise ConfigurationError(f"there is no directory {str(path.parent)!r} for the recording")


class Recorder(Tape):
    """Writes down what an engine asks, and what it is told.

    Args:
        path: The file to write in the end.
        redactor: Knows the secrets of the engine.
        started_at: When the recording began.
        settings: Those that have a say in results.
    """

    def __init__(
        self, path: str, redactor: Redactor, *, started_at: datetime, settings: dict[str, Any]
    ) -> None:
        super().__init__(redactor)
        self._path = path
        self._started_at = started_at
        self._settings = settings
        self._entries: dict[tuple[str, str, str, str], list[Entry]] = {}
        self._writing = threading.Lock()

    @property
    @override
    def is_replay(self) -> bool:
        return False

    @override
    async def ask_all(
        self,
        calls: Sequence[Call],
        kind: Any,
        live: Callable[[], Awaitable[Sequence[Any]]],
        *,
        again: bool = False,
    ) -> tuple[Any, ...]:
        token = LIVE.set(True)
        try:
            values = _one_each(calls, await live())
            kept = [await self.without_secrets(value, kind) for value in values]
        except SerializationError as error:
            raise self._fail(calls, PluginError(f"{calls[0]}: {error.message}")) from error
        except CassetteError:
            raise
        except BaseException as error:
            if not is_foreign(error):
                raise
            self._fail(calls, error)
            raise
        finally:
            LIVE.reset(token)
        for call, one in zip(calls, kept, strict=True):
            self._put(Entry(call=call, value=one.plain, parts=one.parts), again=again)
        return tuple(one.value for one in kept)

    @override
    def tell[T](self, call: Call, kind: type[T], live: Callable[[], T]) -> T:
        try:
            told = live()
        except CodeflowError as error:
            failure = write_failure(error, self.redactor)
            self._put(Entry(call=call, failure=failure), again=True)
            raise
        self._put(Entry(call=call, value=self.redactor.scrub(to_plain(told))), again=True)
        return told

    @override
    def run_id(self, workflow: str, told: object, digest: str, clock: Clock) -> str:
        run_id = clock.new_id()
        call = self.submission(workflow, told, digest)
        self._put(Entry(call=call, value=run_id), again=False)
        return run_id

    @override
    def seen(self, reader: str, reading: Reading) -> Reading:
        told = reading.isoformat() if isinstance(reading, datetime) else reading
        call = Call(kind="clock", name="", method="seen", about=reader, asked=reader)
        self._put(Entry(call=call, value=told), again=False)
        return reading

    @override
    def clock(self, clock: Clock) -> Clock:
        return TapedClock(clock, self)

    def save(self) -> None:
        """Write the file.

        Raises:
            CassetteError: It cannot be written.
        """
        with self._writing:
            entries = tuple(entry for known in self._entries.values() for entry in known)
        Cassette(
            path=self._path,
            started_at=self._started_at,
            settings=self._settings,
            entries=entries,
        ).save()

    def _fail(self, calls: Sequence[Call], error: BaseException) -> BaseException:
        failure = write_failure(error, self.redactor)
        for call in calls:
            self._put(Entry(call=call, failure=failure), again=True)
        return error

    def _put(self, entry: Entry, *, again: bool) -> None:
        with self._writing:
            known = self._entries.setdefault(entry.call.key, [])
            if again and known and _same(known[-1], entry):
                return
            known.append(
                Entry(
                    call=entry.call,
                    number=len(known),
                    value=entry.value,
                    parts=entry.parts,
                    failure=entry.failure,
                )
            )


def _one_each(calls: Sequence[Call], values: Sequence[Any]) -> Sequence[Any]:
    if len(values) != len(calls):
        raise PluginError(f"{calls[0]}: another number of answers than was asked for")
    return values


def _same(one: Entry, other: Entry) -> bool:
    return (one.value, one.parts, one.failure) == (other.value, other.parts, other.failure)
