"""One life of a worker: what it is told, what it writes down, and where it dies."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

__all__ = ["ANY", "Blow", "Life", "Line", "Trace", "read_trace", "told"]

ANY: Final = "*"
"""Stands for every point."""


@dataclass(frozen=True, kw_only=True)
class Blow:
    """A signal that a life sends to itself when it comes to a point."""

    point: str
    """Name of the point; `*` counts them all."""

    time: int = 1
    """At which arrival."""

    signal: int = signal.SIGKILL


@dataclass(frozen=True, kw_only=True)
class Life:
    """What a life is told."""

    world: str
    """Where it asks and writes, and whose runs it executes: it is its tenant, too."""

    url: str
    model: int
    forge: int
    trace: str
    name: str = ""
    """Tells lives of one trace apart."""

    blows: tuple[Blow, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    """Further options of its engine."""

    reads: bool = False
    """Whether reviews ask the model about the change."""

    flaw: str = ""
    """What it does wrong: `blind` never looks what stands on the forge, `forgets` keeps no
    answer of the model."""

    def plain(self) -> dict[str, Any]:
        """Give it as JSON data."""
        return asdict(self)

    @classmethod
    def read(cls, plain: dict[str, Any]) -> Self:
        """Build it from JSON data."""
        blows = tuple(Blow(**blow) for blow in plain["blows"])
        return cls(**{**plain, "blows": blows})


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened in a life."""

    life: str
    what: str
    """`point`, `blow`, `body` (of a step, by its name), or a word of the role."""

    of: str
    number: int
    at: float


class Trace:
    """Writes down what happens, so that it is known whatever happens next.

    A line is one `write` to a file: what was written before a SIGKILL is kept by the kernel.
    """

    def __init__(self, life: Life) -> None:
        self._life = life
        self._path = life.trace
        self._arrivals: Counter[str] = Counter()

    def note(self, what: str, of: str, number: int = 1) -> None:
        """Write a line."""
        line = json.dumps([self._life.name, what, of, number, time.monotonic()])
        with open(self._path, "ab", buffering=0) as file:  # noqa: PTH123 - hundreds of times
            file.write(line.encode() + b"\n")

    def point(self, name: str) -> None:
        """Arrive at a named point: what the engine calls with `points=`."""
        self._arrivals[name] += 1
        self._arrivals[ANY] += 1
        self.note("point", name, self._arrivals[name])
        for blow in self._life.blows:
            if blow.point in {name, ANY} and self._arrivals[blow.point] == blow.time:
                self.note("blow", name, self._arrivals[name])
                os.kill(os.getpid(), blow.signal)


def told(life: Life, what: str, of: str | None = None) -> list[Line]:
    """Read lines of one kind, and maybe of one thing, in all lives of a trace."""
    lines = read_trace(life.trace)
    return [line for line in lines if line.what == what and of in {None, line.of}]


def read_trace(path: Path | str) -> list[Line]:
    """Read what happened in all lives of a trace."""
    path = Path(path)
    if not path.exists():
        return []
    return [Line(*json.loads(line)) for line in path.read_text("utf-8").splitlines()]
