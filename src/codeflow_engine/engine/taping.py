"""How an engine is recorded, or replayed."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

from codeflow_engine.errors import CassetteError, ConfigurationError, SerializationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeflow_engine.cassette.recorder import Recorder
    from codeflow_engine.cassette.tape import Tape
    from codeflow_engine.contracts import ModelGateway, Storage
    from codeflow_engine.engine.options import EngineOptions
    from codeflow_engine.pace.clock import Clock
    from codeflow_engine.plugins.backends import Backends
    from codeflow_engine.redaction import Redactor
    from codeflow_engine.sandbox import Sandbox
    from codeflow_engine.settings import Settings

__all__ = ["Taping"]

_OF_THE_HOST: Final = frozenset(
    {
        *("storage", "cache", "observers", "plugins", "plugins_allow", "tenant", "isolation"),
        *("workflows", "executes", "poll", "lease", "linger", "recoveries", "limits"),
        *("run_timeout", "finish_timeout", "observer_timeout", "publish"),
    }
)
"""Settings that belong to where a run executes, and have no say in what comes of it."""


class Taping:
    """What an engine does about its cassette; nothing, where it has none.

    Args:
        options: Those of the engine.

    Raises:
        ConfigurationError: They ask for both, or the recording could not be written.
        CassetteError: The cassette cannot be read.
    """

    def __init__(self, options: EngineOptions) -> None:
        from pathlib import Path

        record, replay = options.get("record"), options.get("replay")
        if record is not None and replay is not None:
            raise ConfigurationError("an engine is recorded or replayed, and not both")
        self._record = None if record is None else os.path.abspath(record)  # noqa: PTH100 - takes what a host gives
        self._cassette = None
        self._recorder: Recorder | None = None
        self._tape: Tape | None = None
        if self._record is not None:
            from codeflow_engine.cassette.recorder import check_place

            check_place(Path(self._record))
        if replay is not None:
            from codeflow_engine.cassette import Cassette

            self._cassette = Cassette.load(replay)

    def settings(self, settings: Settings, options: Mapping[str, Any]) -> Settings:
        """Put the settings of the recording in the place of those that were loaded.

        What a host has brought as an option counts all the same.

        Raises:
            CassetteError: The recording has other settings than this version knows.
        """
        if self._cassette is None:
            return settings
        from codeflow_engine.domain.encoding import from_plain
        from codeflow_engine.settings import Settings

        try:
            then = from_plain(Settings, self._cassette.settings)
        except SerializationError as error:
            raise CassetteError(error.message, path=self._cassette.path, line=1) from None
        known = self._cassette.settings.keys() - _OF_THE_HOST
        recorded = {name: getattr(then, name) for name in known if options.get(name) is None}
        return replace(settings, **recorded, storage=None, cache="memory")

    def begin(self, settings: Settings, redactor: Redactor, clock: Clock) -> Clock:
        """Put the tape in, and give the clock that the engine has from now on."""
        if self._record is not None:
            from codeflow_engine.cassette.recorder import Recorder

            self._tape = self._recorder = Recorder(
                self._record, redactor, started_at=clock.now(), settings=_told(settings, redactor)
            )
        elif self._cassette is not None:
            from codeflow_engine.cassette.player import Player

            self._tape = Player(self._cassette, redactor)
        return clock if self._tape is None else self._tape.clock(clock)

    def backends(self, backends: Backends, settings: Settings, clock: Clock) -> None:
        """Put the tape in front of the backends."""
        if self._tape is None:
            return
        from codeflow_engine.cassette.standins import TapedBackends

        path = self._record or (self._cassette.path if self._cassette else "")
        backends.stand_ins = TapedBackends(
            self._tape, path=path, clock=clock, seconds=settings.analyzer_timeout
        )

    def sandbox(self, settings: Settings) -> Sandbox:
        """Make the sandbox of the engine."""
        from codeflow_engine.sandbox import Sandbox

        if self._tape is None:
            return Sandbox(prefer=settings.isolation)
        from codeflow_engine.cassette.sandbox import TapedSandbox

        return TapedSandbox(self._tape, prefer=settings.isolation)

    def storage(self, storage: Storage) -> Storage:
        """Give the storage as runs see it."""
        if self._tape is None:
            return storage
        from codeflow_engine.cassette.known import TapedStorage

        return TapedStorage(storage, self._tape)

    def models(self, models: ModelGateway) -> ModelGateway:
        """Give the way to the models as runs see it."""
        if self._tape is None:
            return models
        from codeflow_engine.cassette.models import TapedModels

        return TapedModels(self._tape, models)

    async def end(self) -> None:
        """Write the recording, once.

        Raises:
            CassetteError: It cannot be written.
        """
        import asyncio

        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            await asyncio.to_thread(recorder.save)


def _told(settings: Settings, redactor: Redactor) -> dict[str, Any]:
    from codeflow_engine.domain.encoding import to_plain

    # Those that are left out of its `repr` may hold a key.
    names = [one.name for one in fields(settings) if one.repr and one.name not in _OF_THE_HOST]
    told: dict[str, Any] = redactor.scrub(
        {name: to_plain(getattr(settings, name)) for name in names}
    )
    return told
