"""Runs whose workers were gone again and again: one of them may be the cause."""

from __future__ import annotations

import asyncio

from codeflow_engine.domain.run import RunRecord
from codeflow_engine.runs.live import Execution
from codeflow_engine.runs.writer import Writes

__all__ = ["Suspects"]

_SUSPECT = 2
"""Recoveries without a finished step from which on a run executes alone: a worker may be gone
once for any reason."""

_BREATH = 0.02
"""Seconds in which those that were claimed at the same moment find out that they have to wait."""


class Suspects:
    """Lets suspects execute one at a time in this process.

    A run that ends its process takes along all that execute beside it, so that in the end all
    of them would count as dead. Alone it takes nobody along, and is found out. Once a run has
    finished a step it is no suspect any more.

    Args:
        writes: What is being written; the claims of those that wait are given back by it.
    """

    def __init__(self, writes: Writes) -> None:
        self._writes = writes
        self._one: Execution | None = None

    async def admit(self, record: RunRecord, execution: Execution) -> bool:
        """Say whether a run may execute now."""
        if record.recoveries < _SUSPECT:
            return True
        one = self._one
        if one is not None and not (one.has_progressed or one.settled.is_set()):
            return False
        self._one = execution
        # It may end this process at once: what others have claimed is given back before.
        await asyncio.sleep(_BREATH)
        await self._writes.idle()
        return True
