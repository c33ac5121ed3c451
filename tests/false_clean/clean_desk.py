"""Where every call of a review passes by: each is named, and one of them can be struck."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from codeflow_engine.domain.journal import RunWrite, StepKind, StepState
from codeflow_engine.domain.run import RunEvent, RunFinished
from codeflow_engine.runs.work import Step, StepRunner

type Call = Callable[[], Awaitable[Any]]

STEP: contextvars.ContextVar[str] = contextvars.ContextVar("step", default="")
"""The step that a call is made in."""


_PERIODIC = {
    *("renew", "retire", "leave_loop", "notices", "find_due"),
    *("get_runs", "read_steps", "read_results"),
}
"""Calls that come when a look is due, or when somebody waits: how many, and when, is a matter of
time. They pass by unseen."""


@dataclass(frozen=True, order=True)
class Point:
    """A place where a review can be struck: a step, or a call of a backend."""

    kind: str
    """`step`, or the contract of the backend in small letters; `bare` is a storage that keeps no
    journal."""

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
    once: bool = False
    """Whether the fault has passed after it has struck for the first time."""

    before: tuple[Point, Fault] | None = None
    """What happens to the review in any case, so that it comes to the point."""

    struck: int = 0
    seen: dict[Point, Any] = field(default_factory=dict)
    """What the calls answered, first answer of each point."""

    recorded: set[str] = field(default_factory=set)
    """Steps whose values stand in the storage."""

    repeated: list[str] = field(default_factory=list)
    """Steps that were executed nevertheless."""

    interrupt: Callable[[str], Awaitable[None]] | None = None
    """Ends the review from outside: `cancel` is to cancel it, `close` to close its engine."""

    helpers: set[asyncio.Task[None]] = field(default_factory=set)

    async def meet(self, point: Point, call: Call) -> Any:
        """Answer a call."""
        if self.before is not None and point == self.before[0]:
            return await self.before[1].strike(call, self)
        if self.fault is not None and point == self.at and not (self.once and self.struck):
            self.struck += 1
            return await self.fault.strike(call, self)
        answer = await call()
        self.seen.setdefault(point, answer)
        return answer

    def rest(self) -> None:
        """Let everything pass from now on."""
        self.fault = self.before = None

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
        if name in self._desk.recorded:
            self._desk.repeated.append(name)
        token = STEP.set(name)
        try:
            return await self._desk.meet(Point("step", name), lambda: self._runner.run(step))
        finally:
            STEP.reset(token)


def watched(real: Any, desk: Desk, *contracts: type, kind: str | None = None) -> Any:
    """Make a backend of some contracts that sends every call to another one past the desk.

    Args:
        real: Does what is called.
        desk: What it passes.
        contracts: The first one comes first in its bases.
        kind: Of its points; None for the names of the contracts.
    """

    def passing(contract: type, name: str) -> Callable[..., Any]:
        async def method(_: object, *args: Any, **kwargs: Any) -> Any:
            async def call() -> Any:
                answer = await getattr(real, name)(*args, **kwargs)
                if name == "write":
                    desk.recorded.update(_recorded(args[0], answer))
                return answer

            call.asked = args  # type: ignore[attr-defined]
            label = _label(real, name, args)
            if label is None:
                return await call()
            return await desk.meet(Point(kind or contract.__name__.lower(), label), call)

        return method

    members: dict[str, Any] = {"capabilities": real.capabilities}
    for contract in contracts:
        for name, _ in inspect.getmembers(contract, inspect.iscoroutinefunction):
            if not name.startswith("_") and name != "aclose":
                members[name] = passing(contract, name)
    return type(type(real).__name__, contracts, members)()


def _label(real: object, name: str, args: tuple[Any, ...]) -> str | None:
    """Name a call by what it is about, so that the name is the same in every run."""
    if name in _PERIODIC:
        return None
    if name == "write":
        return _label_of_write(args[0])
    if name == "put_runs":
        states = sorted({str(run.status) for run in args[0]})
        return f"put_runs[{' '.join(states)}]" if states else None
    if name == "append_events":
        # Which others come with it is a matter of time.
        is_end = any(isinstance(event, RunFinished) for event in args[1])
        return "append_events[RunFinished]" if is_end else None
    about = [part for part in map(_about, args) if part]
    step = STEP.get()
    if not about and step and name not in {"submit", "claim", "cancel"}:
        about = [step]
    owner = f"{type(real).__name__.lower()}." if name in {"analyze", "on_event"} else ""
    return f"{owner}{name}[{' '.join(about)}]" if about else f"{owner}{name}"


def _recorded(writes: Sequence[RunWrite], answer: Sequence[bool]) -> Iterator[str]:
    """Name the steps whose values were written."""
    for write, is_made in zip(writes, answer, strict=True):
        for step in write.steps if is_made else ():
            if step.state is StepState.DONE:
                yield f"{step.name}[{step.key[1:]}]" if step.key.startswith("=") else step.name


def _label_of_write(writes: Sequence[RunWrite]) -> str | None:
    """Name what is written by its steps, or by where the run then stands.

    What holds events alone is written when they have waited for long enough.
    """
    steps = {step.name for one in writes for step in one.steps if step.kind is not StepKind.EMIT}
    states = {str(one.state.status) for one in writes if one.state is not None}
    about = sorted(steps or states)
    return f"write[{' '.join(about)}]" if about else None


def _about(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(filter(None, map(_about, value)))
    if isinstance(value, RunEvent):
        words = (getattr(value, name, None) for name in ("step", "key", "analyzer"))
        return " ".join([type(value).__name__, *(word for word in words if word)])
    return ""
