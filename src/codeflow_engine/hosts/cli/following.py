"""`codeflow runs --follow`: each change of status of each run, as it is seen."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

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
"""Runs that each look reads, beside those under way that are older."""

_WIDE: Final = max(map(len, ("timed_out", INTERRUPTED)))


def follow_runs(engine: Engine, *, limit: int, wanted: str | None, as_json: bool) -> Exit:
    """Write how the newest runs stand, and then each change, until somebody interrupts.

    Args:
        engine: Reads the history.
        limit: Runs that stand there in the beginning.
        wanted: The only status that is told of; None for all.
        as_json: One JSON object a line, in place of text.
    """
    seen = _Seen(engine)
    try:
        told = seen.look()[-limit:]
        while _write([one for one in told if wanted in {None, standing(one)}], as_json=as_json):
            time.sleep(_LOOK)
            told = seen.look()
    except KeyboardInterrupt:
        pass  # there is no other way to end it
    return Exit.OK


class _Seen:
    """Knows how each run stood at the last look."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, tuple[str, bool]] = {}
        """What each run was told as, and whether it has ended."""

    def look(self) -> list[dict[str, Any]]:
        """Tell of the runs that stand otherwise than before, the oldest first."""
        lost = gone(self._engine)
        newest = {run.id: run for run in self._engine.runs(limit=_NEWEST)}
        older = [run_id for run_id, (_, ended) in self._known.items() if not ended]
        runs = [*self._read(run_id for run_id in older if run_id not in newest), *newest.values()]
        changed = []
        known = {}
        for run in runs:
            told = summary(run.record, interrupted=run.id in lost)
            known[run.id] = (standing(told), run.status.is_terminal)
            if self._known.get(run.id, ("", False))[0] != standing(told):
                changed.append(told)
        self._known = known
        return sorted(changed, key=lambda told: (told["updated_at"], told["run_id"]))

    def _read(self, run_ids: Iterable[str]) -> list[Run]:
        found = []
        for run_id in run_ids:
            try:
                found.append(self._engine.run(run_id))
            except RunNotFoundError:
                continue  # it was removed
        return found


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
