"""When something has its place: whoever does several things side by side lets the next one come.

A question to a model is admitted once its first call is booked, or needs no booking: its answer
is there, or somebody else asks the same already. Questions that begin at the same moment may be
booked in any order, since each is looked through first; where the money is short, the order
decides who gets it.

A step of a run that is taken up again is admitted while it waits for what was done beside it
before: that is asked for by those who come after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["admit", "telling_admission"]

_TOLD: ContextVar[Callable[[], object] | None] = ContextVar("codeflow_admission", default=None)


@contextmanager
def telling_admission(tell: Callable[[], object]) -> Iterator[None]:
    """Have it told when what is done in this block is admitted; maybe several times."""
    before = _TOLD.set(tell)
    try:
        yield
    finally:
        _TOLD.reset(before)


def admit() -> None:
    """Tell that what is done here has its place."""
    if (tell := _TOLD.get()) is not None:
        tell()
