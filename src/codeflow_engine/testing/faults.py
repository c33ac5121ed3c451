r"""Backends that fail on demand, for tests of what uses backends.

```python
from codeflow_engine import Engine
from codeflow_engine.errors import StorageUnavailableError
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.faults import FaultPlan, faulty, raises

PATCH = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n"

plan = FaultPlan(raises("put_reviews", StorageUnavailableError("it is away"), after=True))
with Engine(storage=faulty(MemoryStorage(), plan), plugins_allow=[]) as engine:
    try:
        engine.review(PATCH)
    except StorageUnavailableError as error:
        print(error)
for call in plan.struck:
    print(call.method, call.number, call.has_effect)
```

```text
it is away
put_reviews 1 True
```

A fault strikes all calls of its method, or some of them:

- `on=2` the second call, `on={1, 3}` the first and the third;
- `on=lambda call: call.arguments["tenant"] == "acme"` those of which that is true;
- `chance=0.1` one in ten, the same ones for the same `seed` of the plan.

Where several faults could strike a call, the first one of the plan does.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import threading
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Any, TypedDict, Unpack, cast

from codeflow_engine.contracts import Backend, Journal, Meter
from codeflow_engine.errors import ConfigurationError

__all__ = [
    "Call",
    "Fault",
    "FaultPlan",
    "On",
    "Raised",
    "Strike",
    "When",
    "answers",
    "delays",
    "faulty",
    "hangs",
    "loses",
    "raises",
]

type Raised = BaseException | Callable[[], BaseException]
"""An error, or what makes a new one for each call: `lambda: StorageFullError("full")`."""

type On = int | Collection[int] | Callable[[Call], bool] | None
"""Numbers of calls, counted from 1, or what tells them; None is all."""


class When(TypedDict, total=False):
    """Which calls of its method a fault strikes, and where in a stream."""

    on: On
    chance: float
    """From 0 to 1, for each of these calls."""

    pieces: int
    """Of a stream, how many pieces come through before."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of a backend: what it was, and how it went."""

    method: str
    number: int
    """Its place among the calls of this method, counted from 1."""

    arguments: Mapping[str, Any]
    """By the names that the contract gives them."""

    fault: Fault | None = None
    """What struck it."""

    has_effect: bool = False
    """Whether the real backend has done it; of a stream, whether it was read to its end."""

    answer: Any = None
    """What the caller was given; of a stream the tuple of its pieces."""

    error: BaseException | None = None
    """What was raised to the caller, a cancellation too."""


type Strike = Callable[[], Awaitable[None]]
"""What a fault does when it strikes."""


async def _nothing() -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong in a call; the functions of this module make them."""

    method: str
    before: Strike = field(default=_nothing, repr=False)
    """Comes before the real call; of a stream, before the piece after `pieces`."""

    after: Strike = field(default=_nothing, repr=False)
    """Comes when the real call has taken effect, and before its answer."""

    change: Callable[[Any], Any] | None = field(default=None, repr=False)
    """Makes another answer of the real one; of a stream, of the tuple of its pieces."""

    on: On = None
    chance: float = 1.0
    pieces: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.chance <= 1:
            raise ConfigurationError(f"a chance is a number from 0 to 1, not {self.chance}")
        if self.pieces < 0:
            raise ConfigurationError(f"a stream cannot give {self.pieces} pieces before a fault")
        numbers = () if self.on is None or callable(self.on) else self._numbers()
        if isinstance(numbers, range):  # it may be endless, as good as
            numbers = (*numbers[:1], *numbers[-1:])
        for one in numbers:
            if type(one) is not int or one < 1:
                raise ConfigurationError(f"calls are numbered from 1; there is no call {one!r}")

    def _numbers(self) -> Collection[object]:
        return self.on if isinstance(self.on, Collection) else (self.on,)

    def meets(self, call: Call, luck: float) -> bool:
        """Say whether it strikes a call, given a number from 0 to 1 that is left to chance."""
        if call.method != self.method or luck >= self.chance:
            return False
        if callable(self.on):
            return self.on(call)
        return self.on is None or call.number in self._numbers()


def raises(method: str, error: Raised, *, after: bool = False, **when: Unpack[When]) -> Fault:
    """Raise an error in place of the call, or after it has taken effect."""

    async def strike() -> None:
        # An error that is raised again and again would keep the frames of every time.
        raise error.with_traceback(None) if isinstance(error, BaseException) else error()

    return _fault(method, strike, when, after=after)


def hangs(method: str, **when: Unpack[When]) -> Fault:
    """Never begin with the call; only a cancellation ends it."""
    return _fault(method, _hang, when, after=False)


def loses(method: str, **when: Unpack[When]) -> Fault:
    """Let the call take effect and lose its answer: it hangs until it is cancelled."""
    return _fault(method, _hang, when, after=True)


def delays(method: str, seconds: float, *, after: bool = False, **when: Unpack[When]) -> Fault:
    """Wait before the call, or before its answer."""

    async def strike() -> None:
        await asyncio.sleep(seconds)

    return _fault(method, strike, when, after=after)


def answers(method: str, change: Callable[[Any], Any], **when: Unpack[When]) -> Fault:
    """Let the call take effect and answer something else.

    Args:
        method: The method.
        change: Is given the real answer, or the tuple of a stream's pieces, and returns
            what is answered.
        when: Which calls.
    """
    return Fault(method=method, change=change, **when)


async def _hang() -> None:
    await asyncio.Event().wait()


def _fault(method: str, strike: Strike, when: When, *, after: bool) -> Fault:
    if after:
        return Fault(method=method, after=strike, **when)
    return Fault(method=method, before=strike, **when)


class FaultPlan:
    """Says which calls go wrong, and takes down all of them.

    One plan may serve several backends; then their calls are in one order.

    Args:
        faults: The faults; none at all makes backends that are only watched.
        seed: Whatever has a chance comes out the same for the same seed.
    """

    def __init__(self, *faults: Fault, seed: int = 0) -> None:
        self.faults = faults
        self.calls: list[Call] = []
        """All calls, in the order in which they began."""

        self._seed = seed
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def struck(self) -> tuple[Call, ...]:
        """The calls that went wrong."""
        return tuple(call for call in self.calls if call.fault is not None)

    def of(self, method: str) -> tuple[Call, ...]:
        """List the calls of one method."""
        return tuple(call for call in self.calls if call.method == method)

    def begin(self, method: str, arguments: Mapping[str, Any]) -> Call:
        """Take down a call, and choose what strikes it."""
        with self._lock:
            self._counts[method] += 1
            call = Call(method=method, number=self._counts[method], arguments=arguments)
            for place, fault in enumerate(self.faults):
                if fault.meets(call, _luck(self._seed, place, call.number)):
                    call.fault = fault
                    break
            self.calls.append(call)
        return call


def _luck(*thrown: int) -> float:
    """Give a number from 0 to 1, without 1, that is the same in every run."""
    digest = hashlib.sha256(repr(thrown).encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def faulty[B: Backend](backend: B, plan: FaultPlan) -> B:
    """Make a backend that does what another one does, but for what a plan says.

    It derives from the contract of the real one, and not from its class; a storage that is a
    journal or a meter stays one. It has the same capabilities; what it has beyond the contract
    is that of the real one, and so are methods that are not asynchronous.

    Args:
        backend: The real one, of any contract.
        plan: What goes wrong.

    Raises:
        ConfigurationError: It is no backend, or no contract has a method that the plan names.
    """
    contracts = tuple(kind for kind in type(backend).__mro__ if _is_contract(kind))
    if Backend not in type(backend).__mro__:
        raise ConfigurationError(f"a {type(backend).__name__} derives from no contract")
    _check_names(plan)
    members: dict[str, Any] = {
        "__doc__": f"{type(backend).__name__}, as a plan of faults has it.",
        "__getattr__": lambda _, name: getattr(backend, name),
        "capabilities": backend.capabilities,
    }
    for contract in reversed(contracts):
        for name in _names(contract):
            members[name] = _member(getattr(contract, name), name, backend, plan)
    return cast("B", type(type(backend).__name__, contracts, members)())


def _is_contract(kind: type) -> bool:
    return Backend in kind.__bases__ or kind in {Journal, Meter}


def _names(contract: type) -> list[str]:
    """List what a contract asks for, besides the capabilities."""
    return [name for name in dir(contract) if not name.startswith("_") and name != "capabilities"]


def _check_names(plan: FaultPlan) -> None:
    contracts: tuple[type, ...] = (*Backend.__subclasses__(), Journal, Meter)
    known = {
        name
        for contract in contracts
        for name in _names(contract)
        if not isinstance(member := getattr(contract, name), property)
        and (inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member))
    }
    if unknown := sorted({fault.method for fault in plan.faults} - known):
        named = ", ".join(map(repr, unknown))
        raise ConfigurationError(f"no contract has a method {named} that a fault can strike")


def _member(member: Any, name: str, backend: Backend, plan: FaultPlan) -> Any:
    """Make the member of a faulty backend that stands for one of its contract."""
    if isinstance(member, property):
        return property(lambda _: getattr(backend, name))
    if inspect.iscoroutinefunction(member):
        return _calling(member, name, backend, plan)
    if inspect.isasyncgenfunction(member):
        return _streaming(member, name, backend, plan)
    # What is not asynchronous does no I/O: nothing can go wrong with it that a plan knows.
    return lambda _, *given, **named: getattr(backend, name)(*given, **named)


def _arguments(member: Any, given: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    arguments = dict(inspect.signature(member).bind(None, *given, **named).arguments)
    del arguments["self"]
    return arguments


def _calling(member: Any, name: str, backend: Backend, plan: FaultPlan) -> Any:
    if any(fault.method == name and fault.pieces for fault in plan.faults):
        raise ConfigurationError(f"{name!r} does not give its answer in pieces")

    async def call_it(_: object, *given: Any, **named: Any) -> Any:
        call = plan.begin(name, _arguments(member, given, named))
        fault = call.fault or Fault(method=name)
        try:
            await fault.before()
            answer = await getattr(backend, name)(*given, **named)
            call.has_effect = True
            await fault.after()
            call.answer = fault.change(answer) if fault.change else answer
        except BaseException as error:
            call.error = error
            raise
        return call.answer

    return call_it


def _streaming(member: Any, name: str, backend: Backend, plan: FaultPlan) -> Any:
    async def stream_it(_: object, *given: Any, **named: Any) -> AsyncIterator[Any]:
        call = plan.begin(name, _arguments(member, given, named))
        fault, call.answer = call.fault or Fault(method=name), ()
        real: AsyncIterator[Any] = getattr(backend, name)(*given, **named)
        try:
            async with aclosing(_pieces(fault, call, real)) as pieces:
                async for piece in pieces:
                    call.answer = (*call.answer, piece)
                    yield piece
        except GeneratorExit:
            # The caller has had enough.
            raise
        except BaseException as error:
            call.error = error
            raise

    return stream_it


async def _pieces(fault: Fault, call: Call, real: AsyncIterator[Any]) -> AsyncGenerator[Any]:
    """Give what comes of a stream; a generator that is the real one is closed with it."""
    kept: list[Any] = []
    if not fault.pieces:
        await fault.before()
    async with AsyncExitStack() as stack:
        if isinstance(real, AsyncGenerator):
            await stack.enter_async_context(aclosing(real))
        async for piece in real:
            kept.append(piece)
            if fault.change is None:
                yield piece
            if len(kept) == fault.pieces:
                await fault.before()
    call.has_effect = True
    if len(kept) < fault.pieces:
        await fault.before()
    await fault.after()
    for piece in fault.change(tuple(kept)) if fault.change else ():
        yield piece
