from __future__ import annotations

import asyncio
import inspect
import re
import runpy
from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine import contracts
from codeflow_engine.contracts import Backend, Cache, Journal, Storage
from codeflow_engine.contracts.llm import LLM
from codeflow_engine.domain.chat import ChatRequest
from codeflow_engine.errors import (
    ConfigurationError,
    ProviderUnavailableError,
    RunNotFoundError,
    StorageFullError,
)
from codeflow_engine.storage.memory import MemoryCache, MemoryStorage
from codeflow_engine.testing import faults
from codeflow_engine.testing.fakes import FakeLLM, FakeObserver
from codeflow_engine.testing.faults import (
    Fault,
    FaultPlan,
    answers,
    delays,
    faulty,
    hangs,
    loses,
    raises,
)
from codeflow_engine.testing.values import NOON, event, run

KINDS = [
    kind
    for kind in (getattr(contracts, name) for name in contracts.__all__)
    if isinstance(kind, type) and issubclass(kind, Backend) and kind is not Backend
]
PIECES = ("first", "second", "third")


class Capability(StrEnum):
    SINGS = "sings"


def methods(kind: type[Backend]) -> list[str]:
    """List the asynchronous methods of a contract."""
    return [
        name
        for name, member in inspect.getmembers(kind, callable)
        if inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member)
    ]


METHODS = [(kind, name) for kind in KINDS for name in methods(kind)]
every_method = pytest.mark.parametrize(
    ("kind", "name"), METHODS, ids=[f"{kind.__name__}.{name}" for kind, name in METHODS]
)


class Real:
    """A backend of any contract: it notes what took effect, and answers with its name."""

    def __init__(self, kind: type[Backend]) -> None:
        self.done: list[str] = []
        members: dict[str, Any] = {"capabilities": frozenset({Capability.SINGS}), "song": "la"}
        for name in dir(kind):
            member = getattr(kind, name)
            if inspect.isasyncgenfunction(member):
                members[name] = self.streaming(name)
            elif inspect.iscoroutinefunction(member):
                members[name] = self.calling(name)
            elif isinstance(member, property):
                members[name] = property(lambda _, name=name: name)
        self.backend: Backend = type("Singer", (kind,), members)()

    def calling(self, name: str) -> Callable[..., Any]:
        async def call(*given: Any, **named: Any) -> str:
            self.done.append(name)
            return name

        return call

    def streaming(self, name: str) -> Callable[..., Any]:
        async def stream(*given: Any, **named: Any) -> AsyncIterator[str]:
            for piece in PIECES:
                yield piece
            self.done.append(name)

        return stream


async def call(backend: Backend, name: str) -> Any:
    """Call a method with something for each argument that it needs."""
    contract = type(backend).__mro__[1]
    signature = inspect.signature(getattr(contract, name))
    given: list[str] = []
    named: dict[str, str] = {}
    for parameter in list(signature.parameters.values())[1:]:
        if parameter.default is parameter.empty:
            if parameter.kind is parameter.KEYWORD_ONLY:
                named[parameter.name] = parameter.name
            else:
                given.append(parameter.name)
    answer = getattr(backend, name)(*given, **named)
    if inspect.isawaitable(answer):
        return await answer
    return tuple([piece async for piece in answer])


def wanted(kind: type[Backend], name: str) -> Any:
    """Give what the method of a real one answers."""
    return PIECES if inspect.isasyncgenfunction(getattr(kind, name)) else name


@every_method
async def test_without_a_fault_everything_goes_through(kind: type[Backend], name: str) -> None:
    """Each method of each contract reaches the real backend, and its answer comes back."""
    real, plan = Real(kind), FaultPlan()

    answer = await call(faulty(real.backend, plan), name)

    assert answer == wanted(kind, name)
    assert real.done == [name]
    (seen,) = plan.calls
    assert (seen.method, seen.number, seen.answer, seen.error) == (name, 1, answer, None)
    assert seen.has_effect
    assert seen.fault is None
    assert seen.arguments == {one: one for one in seen.arguments}
    assert plan.struck == ()


@every_method
@pytest.mark.parametrize("after", [False, True])
async def test_a_call_raises_before_or_after_its_effect(
    kind: type[Backend], name: str, *, after: bool
) -> None:
    """The error is the one that was given, and the real backend has done it, or has not."""
    real, error = Real(kind), ProviderUnavailableError("away")
    plan = FaultPlan(raises(name, error, after=after))

    with pytest.raises(ProviderUnavailableError) as raised:
        await call(faulty(real.backend, plan), name)

    assert raised.value is error
    assert real.done == [name] * after
    (seen,) = plan.struck
    assert (seen.error, seen.has_effect) == (error, after)


@every_method
@pytest.mark.parametrize(("fault", "effect"), [(hangs, False), (loses, True)])
async def test_a_call_hangs_until_it_is_cancelled(
    kind: type[Backend], name: str, fault: Callable[[str], Fault], *, effect: bool
) -> None:
    """Without its effect, or with it and without its answer."""
    real = Real(kind)
    plan = FaultPlan(fault(name))

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call(faulty(real.backend, plan), name), 0.005)

    assert real.done == [name] * effect
    (seen,) = plan.struck
    assert isinstance(seen.error, asyncio.CancelledError)
    assert seen.has_effect is effect


@every_method
@pytest.mark.parametrize("after", [False, True])
async def test_a_call_is_late(kind: type[Backend], name: str, *, after: bool) -> None:
    """It takes its time, and then it goes well."""
    real = Real(kind)
    backend = faulty(real.backend, FaultPlan(delays(name, 0.004, after=after)))

    task = asyncio.ensure_future(call(backend, name))
    await asyncio.sleep(0)
    begun = list(real.done)

    assert await task == wanted(kind, name)
    assert begun == [name] * after


@every_method
async def test_a_call_answers_something_else(kind: type[Backend], name: str) -> None:
    """Made of the real answer, after the effect."""
    real = Real(kind)
    plan = FaultPlan(answers(name, lambda answer: (answer, "changed")))

    answer = await call(faulty(real.backend, plan), name)

    assert answer == (wanted(kind, name), "changed")
    assert plan.struck[0].answer == answer
    assert real.done == [name]


@pytest.mark.parametrize("kind", KINDS)
def test_a_faulty_backend_is_one_of_its_contract(kind: type[Backend]) -> None:
    """With the capabilities, the properties and whatever else the real one has."""
    real = Real(kind).backend

    backend: Any = faulty(real, FaultPlan())

    assert isinstance(backend, kind)
    assert not isinstance(backend, type(real))
    assert backend.capabilities == {Capability.SINGS}
    assert type(backend).__name__ == "Singer"
    assert backend.song == "la"
    properties = [name for name in dir(kind) if isinstance(getattr(kind, name), property)]
    assert [getattr(backend, name) for name in properties] == properties


async def read(model: Any, into: list[object]) -> None:
    """Read a stream as far as it goes."""
    async for piece in model.stream(ChatRequest(messages=(), max_output_tokens=1)):
        into.append(piece)  # noqa: PERF401 - a comprehension would lose them all


async def test_a_stream_breaks_off_between_its_pieces() -> None:
    """What came before has come; a stream that is shorter breaks off at its end."""
    real = Real(LLM)
    for pieces, expected in ((0, ()), (2, PIECES[:2]), (9, PIECES)):
        plan = FaultPlan(raises("stream", ProviderUnavailableError("cut"), pieces=pieces))
        got: list[object] = []
        with pytest.raises(ProviderUnavailableError):
            await read(faulty(real.backend, plan), got)

        assert tuple(got) == plan.struck[0].answer == expected
        assert plan.struck[0].has_effect is (pieces == 9)


async def test_a_stream_that_nobody_reads_on_is_closed() -> None:
    """The real one too, at once; and that is no error."""
    closed = []

    class Endless(LLM):
        model = "endless"
        provider = "endless"

        async def complete(self, request: ChatRequest) -> Any: ...

        async def stream(self, request: ChatRequest) -> AsyncIterator[Any]:
            try:
                while True:
                    yield "piece"
            finally:
                closed.append(True)

    plan = FaultPlan()
    stream: Any = faulty(Endless(), plan).stream(ChatRequest(messages=(), max_output_tokens=1))
    assert await anext(stream) == "piece"
    await stream.aclose()

    assert closed == [True]
    assert plan.calls[0].error is None
    assert not plan.calls[0].has_effect


async def struck_numbers(*given: Fault, seed: int = 0, calls: int = 5) -> list[int]:
    """Call a cache some times, and tell which calls were struck."""
    plan = FaultPlan(*given, seed=seed)
    cache = faulty(MemoryCache(), plan)
    for number in range(calls):
        await cache.get([f"k{number}"])
    return [seen.number for seen in plan.struck]


async def test_chosen_calls_are_struck() -> None:
    """By their number, by their numbers, or by what is asked."""

    def last(call: faults.Call) -> bool:
        return call.arguments["keys"] == ["k4"]

    assert await struck_numbers(answers("get", dict)) == [1, 2, 3, 4, 5]
    assert await struck_numbers(answers("get", dict, on=2)) == [2]
    assert await struck_numbers(answers("get", dict, on=range(2, 4))) == [2, 3]
    assert await struck_numbers(answers("get", dict, on=last)) == [5]
    assert await struck_numbers(answers("put", dict)) == []


async def test_the_first_fault_that_could_strike_does() -> None:
    """One call has one fault."""
    first, second = answers("get", lambda _: 1, on=2), answers("get", lambda _: 2)
    cache: Any = faulty(MemoryCache(), FaultPlan(first, second))

    assert [await cache.get([]) for _ in range(3)] == [2, 1, 2]


async def test_chance_is_the_same_for_the_same_seed() -> None:
    """And is not changed by another fault; the whole range means what it says."""
    rare = answers("get", dict, chance=0.2)
    found = [await struck_numbers(rare, seed=seed, calls=200) for seed in (1, 1, 2)]

    assert found[0] == found[1] != found[2]
    assert 20 < len(found[0]) < 60
    both = await struck_numbers(rare, answers("get", dict, on=range(1, 150)), seed=1, calls=200)
    assert [number for number in both if number >= 150] == [n for n in found[0] if n >= 150]
    assert await struck_numbers(answers("get", dict, chance=0)) == []
    assert len(await struck_numbers(answers("get", dict, chance=1))) == 5


async def test_an_error_is_made_anew_for_each_call() -> None:
    """A class, or a function, gives one each time."""
    cache = faulty(MemoryCache(), FaultPlan(raises("get", lambda: RunNotFoundError("gone"))))
    seen = []
    for _ in range(2):
        with pytest.raises(RunNotFoundError) as raised:
            await cache.get([])
        seen.append(raised.value)

    assert seen[0] is not seen[1]
    with pytest.raises(asyncio.CancelledError):
        await faulty(MemoryCache(), FaultPlan(raises("get", asyncio.CancelledError))).get([])


async def test_one_plan_takes_down_the_calls_of_several_backends() -> None:
    """In the order in which they began."""
    plan = FaultPlan(raises("put_runs", StorageFullError("full"), on=2))
    storage, cache = faulty(MemoryStorage(), plan), faulty(MemoryCache(), plan)

    await storage.put_runs([run("r1")])
    await cache.get(["k"])
    with pytest.raises(StorageFullError):
        await storage.put_runs([run("r2")])

    assert [call.method for call in plan.calls] == ["put_runs", "get", "put_runs"]
    assert plan.of("put_runs")[1].arguments == {"runs": [run("r2")]}
    assert await storage.get_runs("a", ["r1", "r2"]) == (run("r1"),)


async def test_a_backend_of_two_contracts_stays_one() -> None:
    """Every method of both is there."""

    class Both(MemoryStorage, MemoryCache):
        def __init__(self) -> None:
            MemoryStorage.__init__(self)
            MemoryCache.__init__(self)

    plan = FaultPlan()
    both = faulty(Both(), plan)

    await both.put_runs([run("r1")])
    await both.put({"k": b"v"}, ttl=60)

    assert isinstance(both, Storage)
    assert isinstance(both, Cache)
    assert await both.get(["k"]) == {"k": b"v"}
    assert await both.get_runs("a", ["r1"]) == (run("r1"),)


async def test_a_storage_that_is_a_journal_stays_one() -> None:
    """The calls of workers can go wrong, too."""
    plan = FaultPlan(raises("renew", StorageFullError("full"), on=2))
    journal: Any = faulty(MemoryStorage(), plan)

    await journal.renew("w", lease=9)
    with pytest.raises(StorageFullError):
        await journal.renew("w", lease=9)

    assert isinstance(journal, Storage)
    assert isinstance(journal, Journal)
    assert plan.of("renew")[0].arguments == {"worker": "w", "lease": 9}
    assert await journal.claim("a", "w", run_ids=[], now=NOON) == ()


async def test_what_a_fake_remembers_can_be_had() -> None:
    """Whatever is beyond the contract is that of the real backend."""
    observer = faulty(FakeObserver(), FaultPlan(raises("on_event", OSError("gone"), on=1)))

    with pytest.raises(OSError, match="gone"):
        await observer.on_event(event("r1", 1))
    await observer.on_event(event("r1", 2))

    assert observer.events == [event("r1", 2)]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: raises("put_run", OSError, chance=2), "a chance is a number from 0 to 1, not 2"),
        (lambda: raises("get", OSError, on=0), "no call 0"),
        (lambda: raises("get", OSError, on=-1), "no call -1"),
        (lambda: raises("get", OSError, on={1, 0}), "no call 0"),
        (lambda: raises("get", OSError, on=range(10**18)), "no call 0"),
        (lambda: raises("get", OSError, on=True), "no call True"),
        (lambda: raises("get", OSError, on=2.0), "no call 2.0"),  # type: ignore[arg-type]
        (lambda: raises("get", OSError, on="2"), "no call '2'"),  # type: ignore[arg-type]
        (lambda: hangs("stream", pieces=-1), "cannot give -1 pieces"),
        (lambda: faulty(MemoryCache(), FaultPlan(hangs("put_run"))), "no contract .* 'put_run'"),
        (lambda: faulty(MemoryCache(), FaultPlan(hangs("model"))), "no contract .* 'model'"),
        (lambda: faulty(MemoryCache(), FaultPlan(hangs("get", pieces=1))), "'get' .* in pieces"),
        (lambda: faulty(object(), FaultPlan()), "a object derives from no contract"),  # type: ignore[type-var]
    ],
)
def test_a_plan_that_cannot_work_is_refused(make: Callable[[], object], said: str) -> None:
    """A misspelt method would be a fault that never strikes."""
    with pytest.raises(ConfigurationError, match=said):
        make()


async def test_an_error_that_is_raised_again_keeps_no_frames() -> None:
    """A soak that raises one error a million times holds the frames of the last time alone."""
    cache = faulty(MemoryCache(), FaultPlan(raises("get", OSError("away"), on=range(1, 10**18))))
    depths = []
    for _ in range(3):
        with pytest.raises(OSError, match="away") as error:
            await cache.get(["k"])
        depths.append(len(error.traceback))

    assert len(set(depths)) == 1


def test_a_method_that_is_not_asynchronous_is_that_of_the_real_one() -> None:
    """It does no I/O, so that no fault strikes it; a plan that names one is refused."""

    class Refusing(FakeLLM):
        def check(self) -> None:
            raise ConfigurationError("no key")

    plan = FaultPlan()
    with pytest.raises(ConfigurationError, match="no key"):
        faulty(Refusing(), plan).check()
    assert plan.calls == []
    with pytest.raises(ConfigurationError, match="'check' that a fault"):
        faulty(FakeLLM(), FaultPlan(hangs("check")))


async def test_a_model_fails_on_demand() -> None:
    """Its calls and its streams, as those of any backend; a model that speaks by a script too."""
    plan = FaultPlan(
        raises("complete", ProviderUnavailableError("away"), on=1),
        raises("stream", ProviderUnavailableError("cut"), pieces=2),
    )
    model = faulty(FakeLLM("one", "two three four"), plan)
    request = ChatRequest(messages=(), max_output_tokens=1)
    got: list[Any] = []

    with pytest.raises(ProviderUnavailableError, match="away"):
        await model.complete(request)
    answer = await model.complete(request)
    with pytest.raises(ProviderUnavailableError, match="cut"):
        await read(model, got)

    assert (answer.text, model.model, model.provider) == ("one", "fake", "fake")
    assert [piece.text for piece in got] == ["two ", "three "]


def test_the_example_of_the_module_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With an engine, and it prints what it says."""
    documentation = faults.__doc__ or ""
    code, output = re.findall(r"^```\w+\n(.*?)^```$", documentation, re.MULTILINE | re.DOTALL)
    path = tmp_path / "example.py"
    path.write_text(code)

    runpy.run_path(str(path))

    assert capsys.readouterr().out == output
