"""Runs whose input and values hold what the engine was configured with as a secret."""

from __future__ import annotations

from typing import Any

import pytest
from durable import DurableStorage, Frozen

from codeflow_engine import AsyncEngine, hookimpl
from codeflow_engine.domain.effect import Effect, EffectKind, effect_key
from codeflow_engine.domain.journal import Signal
from codeflow_engine.domain.run import ChangeFetched, RunStatus, StepFinished
from codeflow_engine.errors import ConfigurationError, SerializationError, WorkflowError
from codeflow_engine.plugins.registry import PluginRegistry
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.workflow import Workflow
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.examples import EXAMPLES
from codeflow_engine.testing.fakes import FakeHost, FakeVCS
from codeflow_engine.testing.values import NOON

SECRET = "corner/shop+90 00="  # noqa: S105 - it is none
TOKEN = "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345"
LARGE = 200_000
EXAMPLE = next(one for one in EXAMPLES if one.revisions[1])


async def echo(run: RunContext, given: dict[str, Any]) -> str:
    text: str = given["text"]
    once = await run.step("once", lambda: f"{text}, once")
    twice = await run.step("twice", lambda: f"{text}, twice")
    if given.get("fails"):
        raise WorkflowError("it fails")
    return f"{once}, {twice}"


async def collect(run: RunContext, given: dict[str, Any]) -> list[Any]:
    return [await run.receive("news") for _ in range(given["count"])]


async def write(run: RunContext, given: dict[str, Any]) -> None:
    head, name = str(EXAMPLE.revisions[1]), EXAMPLE.name
    key = effect_key(name, EffectKind.SUMMARY, head, "told")
    payload = {"body": given["text"]}
    await run.effect(
        Effect(key=key, kind=EffectKind.SUMMARY, target=name, head=head, payload=payload)
    )


def engine_with(storage: MemoryStorage, *secrets: str, **options: Any) -> AsyncEngine:
    engine = AsyncEngine(storage=storage, secrets=secrets, plugins_allow=[], **options)
    for workflow in (echo, collect, write):
        engine.workflow(workflow.__name__)(workflow)
    return engine


def kept(storage: MemoryStorage) -> str:
    return repr([vars(one) for one in storage._tenants.values()])


@pytest.mark.parametrize("text", [SECRET, "x" * LARGE + SECRET], ids=["small", "large"])
@pytest.mark.parametrize("fails", [False, True])
async def test_s33_no_secret_is_stored_with_a_run(text: str, fails: bool) -> None:  # noqa: FBT001
    """Neither in its input, nor in the values of its steps, nor in its result."""
    storage = MemoryStorage()
    async with engine_with(storage, SECRET) as engine:
        run = await engine.submit("echo", {"text": text, "fails": fails})
        if fails:
            with pytest.raises(WorkflowError, match="it fails"):
                await run.result()
        else:
            assert await run.result() == f"{text}, once, {text}, twice"

    assert SECRET not in kept(storage)


async def test_s33_a_run_goes_on_with_the_secret_that_it_began_with() -> None:
    """Input and values are put together again where the same secret is configured."""
    storage = DurableStorage()
    frozen = Frozen(storage, "step.recorded:once", secrets=[SECRET], plugins_allow=[])
    frozen.engine.workflow("echo")(echo)
    run = await frozen.engine.submit("echo", {"text": SECRET})
    await frozen.until_frozen()
    assert SECRET not in kept(storage)

    async with engine_with(storage, SECRET) as other:
        assert await (await other.run(run.id)).result() == f"{SECRET}, once, {SECRET}, twice"
    await frozen.close()


async def test_s33_a_run_does_not_go_on_without_the_secret_that_it_began_with() -> None:
    """It fails, rather than to work on something else, and can be resumed."""
    storage = DurableStorage()
    async with engine_with(storage, SECRET, executes="none") as submitting:
        run = await submitting.submit("echo", {"text": SECRET})

    for secrets in ((), ("another-secret-1",)):
        async with engine_with(storage, *secrets) as other:
            there = await other.run(run.id)
            if there.status is RunStatus.FAILED:
                await there.resume()
            with pytest.raises(SerializationError, match="is not configured with"):
                await there.result()

    async with engine_with(storage, SECRET) as last:
        there = await last.run(run.id)
        await there.resume()
        assert await there.result() == f"{SECRET}, once, {SECRET}, twice"


async def test_s33_no_secret_is_stored_with_a_signal() -> None:
    """Whoever has the secret gets the very value; without one it is no value at all."""
    storage = DurableStorage()
    values = [
        {"deep": [SECRET, {SECRET: 1}]},
        {"$sealed": "sealed {}"},
        {"$sealed": SECRET},
        None,
    ]
    async with engine_with(storage, SECRET, executes="none") as sending:
        run = await sending.submit("collect", {"count": len(values)})
        for value in values:
            await run.send("news", value)
    assert SECRET not in kept(storage)

    async with engine_with(storage) as other:
        there = await other.run(run.id)
        with pytest.raises(SerializationError, match="is not configured with"):
            await there.result()
    async with engine_with(storage, SECRET) as last:
        there = await last.run(run.id)
        await there.resume()
        assert await there.result() == values
    assert SECRET not in kept(storage)


async def test_a_signal_that_was_damaged_is_a_typed_error() -> None:
    """What stands in the storage may be anything."""
    storage = DurableStorage()
    for damaged in ("garbage", "[" * 100_000):
        async with engine_with(storage, executes="none") as sending:
            run = await sending.submit("collect", {"count": 1})
            signal = Signal(
                run_id=run.id, signal_id="1", name="news", value={"$sealed": damaged}, sent_at=NOON
            )
            await storage.send("default", [signal])
        async with engine_with(storage) as engine:
            with pytest.raises(SerializationError, match="damaged"):
                await (await engine.run(run.id)).result()


class Telling:
    """A plugin whose workflow tells of what it is given in every way that there is."""

    @hookimpl
    def codeflow_register(self, registry: PluginRegistry) -> None:
        workflow = Workflow(
            name="tell",
            version=1,
            run=self.tell,
            read_input=dict,
            write_input=dict,
            summarise=lambda result: {"title": result},
        )
        registry.add_workflow("tell", workflow)

    async def tell(self, run: RunContext, given: dict[str, Any]) -> str:
        text: str = given["text"]
        await run.compute("look", lambda: None, key=text)
        await run.emit(ChangeFetched, title=text, files=1, units=1)
        return text


async def test_s33_no_secret_is_told_of_a_run() -> None:
    """Neither in the summary of its result, nor in its events, those of its workflow included."""
    storage = MemoryStorage()
    async with AsyncEngine(storage=storage, secrets=[SECRET], plugins=[Telling()]) as engine:
        run = await engine.submit("tell", {"text": f"{SECRET}/a.py"})
        assert await run.result() == f"{SECRET}/a.py"
        await run.refresh()
        told = [event async for event in run.events(wait=False)]

    assert run.record.summary == {"title": "[redacted:configured]/a.py"}
    keys = {event.key for event in told if isinstance(event, StepFinished)}
    assert keys == {"[redacted:configured]/a.py"}
    assert SECRET not in kept(storage)


async def test_s33_a_key_that_holds_a_secret_is_refused() -> None:
    """It is stored as it is, since runs and steps are found by it."""

    async def keyed(run: RunContext, given: dict[str, Any]) -> None:
        await run.step("look", lambda: None, key=given["text"])

    storage = MemoryStorage()
    async with engine_with(storage, SECRET) as engine:
        engine.workflow("keyed")(keyed)
        with pytest.raises(ConfigurationError, match="holds a secret"):
            await engine.submit("keyed", {"text": "x"}, key=f"k-{SECRET}")
        run = await engine.submit("keyed", {"text": SECRET}, key="k")
        with pytest.raises(WorkflowError, match="key of step 'look' holds a secret"):
            await run.result()

    assert SECRET not in kept(storage)


async def test_s33_no_secret_is_written_by_an_effect() -> None:
    """Neither to the host nor to the journal; a token that nobody has configured goes, too."""
    storage, host = MemoryStorage(), FakeHost(EXAMPLE)
    async with engine_with(storage, SECRET, vcs=FakeVCS(host)) as engine:
        run = await engine.submit("write", {"text": f"{SECRET} and {TOKEN}"})
        await run.result()

    (post,) = host.posts
    assert post.effect is not None
    body = post.effect.payload["body"]
    assert (SECRET in body, TOKEN in body) == (False, False)
    assert "[redacted:" in body
    assert SECRET not in kept(storage)
