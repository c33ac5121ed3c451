"""A journal in memory and one in SQLite that are asked the same, and a time that is set."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine

from codeflow_engine.errors import CodeflowError
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.storage.sql import SQLStorage
from codeflow_engine.testing.values import NOON

__all__ = ["JournalPair"]

_MEMORY = "/dev/shm"  # noqa: S108 - a directory of its own is made in it


class JournalPair(RuleBasedStateMachine):
    """Asks both journals, which have to say the same."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        # What is on disk is not what this is about, and a disk takes most of the time.
        self._place = TemporaryDirectory(dir=_MEMORY if os.path.isdir(_MEMORY) else None)  # noqa: PTH112
        path = Path(self._place.name, "x.db")
        self.journals = (MemoryStorage(), SQLStorage(f"sqlite:///{path}"))
        self.now = NOON
        self.texts = 0

    def teardown(self) -> None:
        for journal in self.journals:
            self._runner.run(journal.aclose())
        self._runner.close()
        self._place.cleanup()

    def both(self, ask: Callable[[Any], Awaitable[Any]]) -> Any:
        """Ask both journals, which have to say the same; give None where both refuse."""
        answers = [self._runner.run(self._told(ask, journal)) for journal in self.journals]
        assert answers[0] == answers[1], f"memory: {answers[0]}\nSQLite: {answers[1]}"
        kind, value = answers[0]
        return value if kind == "gave" else None

    @staticmethod
    async def _told(ask: Callable[[Any], Awaitable[Any]], journal: Any) -> tuple[str, Any]:
        try:
            return "gave", await ask(journal)
        except CodeflowError as error:
            return "raised", type(error)

    def text(self) -> str:
        """Make a text that was not there before."""
        self.texts += 1
        return f"text {self.texts}"

    def tick(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now
