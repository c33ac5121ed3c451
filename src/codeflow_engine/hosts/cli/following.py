"""`codeflow runs --follow`: each change of status of each run, as it is seen."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import RunNotFoundError
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.lookup import INTERRUPTED, SHORT, gone, standing, summary, waits
from codeflow_engine.hosts.cli.terminal import style_of, write_out
from codeflow_engine.reports.visible import escape, escape_json

if TYPE_CHECKING:
    from codeflow_engine.sync import Engine, Run

__all__ = ["follow_runs"]

_LOOK: Final = 0.25
"""Seconds between two looks."""

_NEWEST: Final = 100
"""Runs that each look reads at least, beside all that are under way."""

_FEW: Final = 20
"""Runs that are asked for one by one."""

_ALL: Final = 2**31 - 1
"""More runs than there are."""

_OPEN: Final = [status for status in RunStatus if not status.is_terminal]

_WIDE: Final = max(map(len, ("timed_out", INTERRUPTED)))


def follow_runs(engine: Engine, *, limit: int, wanted: str | None, as_json: bool) -> Exit:
    """Write how runs stand, and then each change, until somebody interrupts.

    A run is told of as it is seen: how it stood for less than a look is left out.

    Args:
        engine: Reads the history.
        limit: Runs that stand there in the beginning, those that changed last.
        wanted: The only status that is told of; None for all.
        as_json: One JSON object a line, in place of text.
    """
    seen = _Seen(engine)
    try:
        told, took = _timed(seen.look)
        told = told[-limit:]
        while _write([one for one in told if wanted in {None, standing(one)}], as_json=as_json):
            # No more than half of the time, where there are many.
            time.sleep(max(_LOOK, took))
            told, took = _timed(seen.look)
    except KeyboardInterrupt:
        pass  # there is no other way to end it
    return Exit.OK


class _Seen:
    """Knows how each run stood at the last look, but for those that have ended long ago."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, tuple[str, bool]] | None = None
        """How each run was told to stand, and whether it has ended; None before the first look."""

    def look(self) -> list[dict[str, Any]]:
        """Tell of the runs that stand otherwise than before, the oldest first.

        All that are under way are looked at, those that were, and those that are new: a run
        that has ended does not change until somebody resumes it.
        """
        known = self._known or {}
        lost = gone(self._engine)
        runs = {
            run.id: run for status in _OPEN for run in self._engine.runs(status=status, limit=_ALL)
        }
        ended = [run_id for run_id, (_, ended) in known.items() if not ended and run_id not in runs]
        runs |= self._newest(ended)
        runs |= self._read(run_id for run_id in ended if run_id not in runs)
        now = {run.id: (_standing(run, lost), run.status.is_terminal) for run in runs.values()}
        changed = [
            summary(run.record, interrupted=now[run.id][0] == INTERRUPTED)
            for run in runs.values()
            if known.get(run.id, ("", False))[0] != now[run.id][0]
        ]
        self._known = now
        return sorted(changed, key=lambda told: (told["updated_at"], told["run_id"]))

    def _newest(self, wanted: Collection[str]) -> dict[str, Run]:
        """Read the newest runs: as far as none is left out that has come since the last look.

        And so far that few are left of those that are wanted, which cost a question each.
        """
        limit = _NEWEST
        while True:
            runs = {run.id: run for run in self._engine.runs(limit=limit)}
            is_whole = self._known is None or not self._known.keys().isdisjoint(runs)
            left = sum(run_id not in runs for run_id in wanted)
            if len(runs) < limit or (is_whole and left <= _FEW):
                return runs
            limit *= 2

    def _read(self, run_ids: Iterable[str]) -> dict[str, Run]:
        found = {}
        for run_id in run_ids:
            try:
                found[run_id] = self._engine.run(run_id)
            except RunNotFoundError:
                continue  # it was removed
        return found


def _standing(run: Run, lost: Collection[str]) -> str:
    is_lost = run.id in lost and run.status is RunStatus.RUNNING
    return INTERRUPTED if is_lost else run.status.value


def _timed[T](call: Callable[[], T]) -> tuple[T, float]:
    began = time.monotonic()
    return call(), time.monotonic() - began


def _write(told: list[dict[str, Any]], *, as_json: bool) -> bool:
    """Write lines; say whether anybody reads them."""
    lines = [escape_json(json.dumps(one)) if as_json else _line(one) for one in told]
    return write_out("".join(f"{line}\n" for line in lines))


def _line(told: dict[str, Any]) -> str:
    at = datetime.fromisoformat(told["updated_at"])
    came = told["outcome"] or told["error"] or waits(told)
    parts = [told["workflow"], told["change"], came]
    what = escape(": ".join(filter(None, parts)), style_of(sys.stdout, os.environ).encoding)
    return f"{at:%H:%M:%S} {told['run_id'][:SHORT]} {standing(told):<{_WIDE}} {what}".rstrip()
