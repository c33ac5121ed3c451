"""Named points that a run passes, where a test can make a process stop, fail or end."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

__all__ = ["Points", "reach"]

type Points = Callable[[str], Awaitable[None] | None]
"""Called with the name of a point, each time that a run reaches it.

| point | reached when |
|---|---|
| `run.submitted` | a new run is stored, and nobody was told of it |
| `run.claimed` | a worker has the run |
| `step.asked:NAME` | a step is about to be executed |
| `step.worked:NAME` | its work is done, and not written down |
| `step.recorded:NAME` | its record is on disk |
| `wait.recorded:NAME` | the beginning of a wait is on disk |
| `effect.planned`, `effect.looked` | an effect is written down, and was looked for |
| `effect.delivered`, `effect.settled` | it stands outside, and its receipt is on disk |
| `run.suspending`, `run.suspended` | a run that waits is about to be put aside, and is |
| `run.ending`, `run.ended` | the workflow has ended, and that is on disk |
| `signal.sent` | a signal is on disk, and nobody was told of it |
"""


async def reach(points: Points | None, name: str) -> None:
    """Pass a point; without anybody who listens this does nothing."""
    if points is not None:
        answer = points(name)
        if inspect.isawaitable(answer):
            await answer
