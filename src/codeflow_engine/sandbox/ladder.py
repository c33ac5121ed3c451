"""Which rung of isolation stands here, and how a program is started on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from codeflow_engine.errors import ConfigurationError, SandboxError
from codeflow_engine.sandbox.child import Child
from codeflow_engine.sandbox.rungs import (
    Confinement,
    candidates,
    confined,
    environment,
    find,
    outside_bounds,
)
from codeflow_engine.sandbox.spawn import Launch
from codeflow_engine.sandbox.values import Isolation, Limits
from codeflow_engine.sandbox.view import Show, interpreter_paths, system_paths, view

__all__ = ["Ladder", "Order"]

_PROBE: Final = Limits(timeout=10.0)
_DIES_WITH_PARENT: Final = ("--pdeathsig", "KILL", "--no-new-privs", "--")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a caller wants to run."""

    words: Sequence[str]
    """An argument vector; where isolated, `exec` or `python` before it."""

    program: str
    """A path, or a Python module."""

    isolate: bool
    limits: Limits
    stdin: bytes | Path | None = None
    dialogue: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    readable: Sequence[Path] = ()
    writable: Sequence[Path] = ()


class Ladder:
    """Finds the best rung by trying, once, and writes launches.

    Args:
        prefer: The best rung to try.
        python: The interpreter of the inner step and of Python programs.
    """

    def __init__(self, *, prefer: Isolation | str | None, python: str) -> None:
        try:
            self._prefer = None if prefer is None else Isolation(prefer)
        except ValueError as error:
            message = f"no rung {prefer!r}; there are {', '.join(Isolation)}"
            raise ConfigurationError(message) from error
        self._python = python
        self._trying = asyncio.Lock()
        self._rung: Confinement | None = None
        self._front: tuple[str, ...] | None = None
        self.refusals: dict[Isolation, str] = {}

    async def rung(self) -> Confinement:
        """Give the best rung that works here.

        Raises:
            SandboxError: There is no Python interpreter to confine programs with.
        """
        async with self._trying:
            if self._rung is None:
                self._rung = await self._climb()
        return self._rung

    async def _climb(self) -> Confinement:
        python = self._interpreter()
        fixed = await asyncio.to_thread(_fixed_view, python)
        reached = Confinement(rung=Isolation.NONE, outer=(), python=python, fixed=())
        tried: dict[Isolation, str] = {}
        for rung, outer in candidates(self._prefer):
            confinement = Confinement(rung=rung, outer=outer, python=python, fixed=fixed)
            order = Order(words=("nothing",), program=python, isolate=True, limits=_PROBE)
            refusal = await _refusal(self._guarded(order, confinement, None))
            if refusal is None:
                reached = confinement
                break
            tried[rung] = refusal
        rungs = list(Isolation)
        above = rungs[rungs.index(self._prefer or rungs[0]) : rungs.index(reached.rung)]
        self.refusals = {rung: tried.get(rung, "not installed or not usable") for rung in above}
        return reached

    def _interpreter(self) -> str:
        python = find(self._python)
        if python is None or not Path(python).name.startswith(("python", "pypy")):
            message = (
                f"the interpreter {self._python!r} is no Python that can be started; "
                "name one of this installation with Sandbox(python=...)"
            )
            raise SandboxError(message)
        return python

    async def launch(self, order: Order, directory: Path | None) -> Launch:
        """Write a launch.

        Args:
            order: What to run.
            directory: Its private directory on disk, where it has none in namespaces.
        """
        if order.isolate:
            return self._guarded(order, await self.rung(), directory)
        async with self._trying:
            if self._front is None:
                self._front = await self._find_front()
        words = [*self._front, *order.words]
        return _launch(order, lambda _control, _status: words, directory, guarded=False)

    async def _find_front(self) -> tuple[str, ...]:
        """Find words that make a trusted program die with the engine: 1 ms a start."""
        setpriv = find("setpriv")
        true = find("true")
        if setpriv is None or true is None:
            return ()
        front = (setpriv, *_DIES_WITH_PARENT)
        words = (*front, true)
        order = Order(words=words, program=true, isolate=False, limits=_PROBE)
        launch = _launch(order, lambda _control, _status: words, None, guarded=False)
        return () if await _refusal(launch) else front

    def _guarded(self, order: Order, rung: Confinement, directory: Path | None) -> Launch:
        shown: Sequence[Show] = ()
        if rung.rung is not Isolation.NONE:
            shown = view(
                rung.fixed,
                program=order.program if order.program.startswith("/") else rung.python,
                readable=order.readable,
                writable=order.writable,
            )

        def command(control: int, status: int) -> list[str]:
            return confined(
                rung, limits=order.limits, view=shown, order=order.words, pipes=(control, status)
            )

        return _launch(order, command, directory, guarded=True)


def _fixed_view(python: str) -> list[Show]:
    # A hundred look-ups in the file system: 20 ms where nothing is cached.
    return view([*system_paths(), *interpreter_paths(python)], program=python)


def _launch(
    order: Order,
    command: Callable[[int, int], Sequence[str]],
    directory: Path | None,
    *,
    guarded: bool,
) -> Launch:
    # The inner step is there on every system, but its guards only on Linux.
    return Launch(
        program=Path(order.program).name,
        command=command,
        env=environment(directory, order.env),
        directory=str(directory or "/"),
        guarded=guarded,
        stdin=order.stdin,
        dialogue=order.dialogue,
        bounds=() if guarded else outside_bounds(order.limits),
    )


async def _refusal(launch: Launch) -> str | None:
    """Try a launch; say why it does not work, or nothing."""
    child = Child(launch, _PROBE, lambda _: None)
    try:
        code = await child.wait()
    except SandboxError as error:
        return error.message
    finally:
        await child.end()
    return f"exit status {code}" if code else None
