"""Where every call of a review passes by: each is named, and one of them can be struck."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from codeflow_engine.contracts import Backend
from codeflow_engine.domain.run import RunEvent, RunRecord
from codeflow_engine.runs.context import Step, StepRunner

type Call = Callable[[], Awaitable[Any]]

STEP: contextvars.ContextVar[str] = contextvars.ContextVar("step", default="")
"""The step that a call is made in."""


@dataclass(frozen=True, order=True)
class Point:
    """A place where a review can be struck: a step, or a call of a backend."""

    kind: str
    """`step`, or the kind of the backend."""

    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


class Fault(Protocol):
    """Something that can go wrong in a call."""

    @property
    def name(self) -> str: ...

    async def strike(self, call: Call, desk: Desk) -> Any:
        """Do what happens instead of the call; or before, or after it."""
        ...


@dataclass
class Desk:
    """Takes down every call of one review, and strikes the one that it was told to."""

    at: Point | None = None
    fault: Fault | None = None
    struck: int = 0
    seen: dict[Point, Any] = field(default_factory=dict)
    """What the calls answered, first answer of each point."""

    interrupt: Callable[[], Awaitable[None]] | None = None
    """Ends the review from outside: cancels it, or closes its engine."""

    helpers: set[asyncio.Task[None]] = field(default_factory=set)

    async def meet(self, point: Point, call: Call) -> Any:
        """Answer a call."""
        if self.fault is not None and point == self.at:
            self.struck += 1
            return await self.fault.strike(call, self)
        answer = await call()
        self.seen.setdefault(point, answer)
        return answer

    def meet_now(self, point: Point, answer: Any) -> Any:
        """Answer a call of plain code, such as a hook; nothing in it can wait."""

        async def call() -> Any:
            return answer

        try:
            self.meet(point, call).send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError(f"{point} waits")


class WatchedRunner:
    """Runs steps past the desk."""

    def __init__(self, desk: Desk, runner: StepRunner) -> None:
        self._desk = desk
        self._runner = runner

    async def run(self, step: Step) -> Any:
        name = step.name if step.key is None else f"{step.name}[{step.key}]"
        token = STEP.set(name)
        try:
            return await self._desk.meet(Point("step", name), lambda: self._runner.run(step))
        finally:
            STEP.reset(token)


def watched[B: Backend](contract: type[B], real: B, desk: Desk) -> B:
    """Make a backend of a contract that sends every call to another one past the desk."""

    def passing(name: str) -> Callable[..., Any]:
        async def method(_: object, *args: Any, **kwargs: Any) -> Any:
            point = Point(contract.__name__.lower(), _label(real, name, args))
            return await desk.meet(point, lambda: getattr(real, name)(*args, **kwargs))

        return method

    names = [
        name
        for name, member in inspect.getmembers(contract, inspect.iscoroutinefunction)
        if not name.startswith("_") and name != "aclose"
    ]
    members = {name: passing(name) for name in names} | {"capabilities": real.capabilities}
    made: B = type(type(real).__name__, (contract,), members)()
    return made


def _label(real: Backend, name: str, args: tuple[Any, ...]) -> str:
    """Name a call by what it is about, so that the name is the same in every run."""
    about = [part for part in map(_about, args) if part]
    step = STEP.get()
    if not about and step:
        about = [step]
    owner = f"{type(real).__name__.lower()}." if name in {"analyze", "on_event"} else ""
    return f"{owner}{name}[{' '.join(about)}]" if about else f"{owner}{name}"


def _about(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(filter(None, map(_about, value)))
    if isinstance(value, RunRecord):
        return str(value.status)
    if isinstance(value, RunEvent):
        words = (getattr(value, name, None) for name in ("step", "key", "analyzer"))
        return " ".join([type(value).__name__, *(word for word in words if word)])
    return ""
